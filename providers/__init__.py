"""Provider kinds and routes: rows, drivers, dialects, translation, and the HTTP client that calls them."""
