"""Limits of tokens and groups: reserve before a call, settle after it, in memory or in Redis."""
