"""Accounts at providers: their credentials, the pool that chooses among them, and their management."""
