"""Signatures on requests and documents, made and verified. Pure: nothing is fetched, no clock is read."""
