"""Database migrations of the providers app."""
