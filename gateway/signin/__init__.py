"""Signing people in: the forms of Claude Code, the pages where its person decides, an issuer beside passwords."""
