"""Pages of one's own: a developer's, the first login, a token that is handed over, the second factor."""
