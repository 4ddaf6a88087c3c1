"""Chat Completions: reading its calls and answers, and writing them."""
