"""People: who they are, what holds for them, and Django's groups beside ours."""
