"""Gonka: a network of nodes, and brokers in front of it, that serve Chat Completions."""
