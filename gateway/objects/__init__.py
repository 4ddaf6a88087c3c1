"""Stored objects: what lives at one account of a provider, whose it is, and how it is found again."""
