"""Django's place for the gateway's commands."""
