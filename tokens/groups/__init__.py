"""Groups of tokens, which share limits."""
