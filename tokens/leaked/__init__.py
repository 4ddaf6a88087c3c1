"""Secrets that somebody has found where none should be."""
