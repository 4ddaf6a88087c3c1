"""Paths that answer for whoever's bearer it is: telemetry, managed settings, the own budget."""
