"""Responses: reading its calls and answers, and writing them."""
