"""The providers and routes in memory, and the choice of those that serve a call."""
