"""Token files of the Rust router: read them, and keep them current beside the database."""
