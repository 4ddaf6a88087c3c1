"""Hours: how many calls each had and what they cost, counted as calls are written."""
