"""Commands about providers and routes."""
