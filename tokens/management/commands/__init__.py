"""Commands of tokens and groups, one a module."""
