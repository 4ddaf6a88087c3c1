"""Migrations of the tokens' tables."""
