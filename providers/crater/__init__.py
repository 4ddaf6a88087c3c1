"""Crater: a tracker on another server that answers tickets. Nothing here knows which surface asked."""
