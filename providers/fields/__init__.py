"""Fields of a provider: what may be given for each, and how a row comes of it."""
