"""Batches of calls that a vendor carries out later: their rows. `gateway.usage.batches` bills them."""
