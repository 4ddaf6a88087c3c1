"""A driver for each provider kind: builds its requests and classifies its answers."""
