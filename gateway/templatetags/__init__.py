"""Django's place for the admin's template tags."""
