"""Sign-ins of people from a client, and the bearers that belong to them."""
