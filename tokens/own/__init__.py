"""Tokens in the hands of those they belong to: who shows that a token is hers, and which are a person's."""
