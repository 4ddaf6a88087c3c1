"""Tokens that clients present: issue, check, limit and revoke them; groups of them."""
