"""The gateway's commands: `serve`, `runserver`, `doctor`, `prices`, `payments`."""
