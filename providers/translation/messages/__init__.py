"""Anthropic Messages: reading its calls, writing its answers, and calling it as an upstream."""
