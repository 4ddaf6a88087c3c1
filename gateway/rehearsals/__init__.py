"""Rehearse faults of an upstream: calls meet them, failover acts on them, nothing goes upstream."""
