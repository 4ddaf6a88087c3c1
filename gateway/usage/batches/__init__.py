"""Batches: what they may cost is held when they are made, what their results cost is billed once those are there."""
