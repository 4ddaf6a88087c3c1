"""Finished calls, one by one: found by what is known of them, shown, and explained."""
