"""The commands `router providers` and `router routes`."""
