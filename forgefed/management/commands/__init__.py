"""Commands of federation: deliveries, following, keys."""
