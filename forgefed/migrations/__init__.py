"""Migrations of federation's tables."""
