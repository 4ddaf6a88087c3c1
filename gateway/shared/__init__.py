"""What several processes have in common, by Redis."""
