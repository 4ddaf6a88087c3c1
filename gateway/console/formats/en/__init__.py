"""Formats of the only language that the admin speaks."""
