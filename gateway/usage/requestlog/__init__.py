"""The request log: what some calls asked and were answered, redacted, encrypted, and for some days."""
