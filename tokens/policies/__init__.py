"""Settings that a client obeys, by group."""
