"""Ways to pay, one module each."""
