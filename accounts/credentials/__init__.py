"""Credentials of accounts: read them from files and rows, refresh them, write them back."""
