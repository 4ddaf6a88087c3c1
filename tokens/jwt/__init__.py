"""Tokens as clients hold them: signed and checked in `signing.py`, refused in the words of `reference_errors.py`."""
