"""The second factor of people: codes by time, made by an app on her phone."""
