"""Pure translators between dialects: a folder per dialect, and the pairs of them."""
