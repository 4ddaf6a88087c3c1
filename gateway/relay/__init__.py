"""The relay's path: admission, failover, rotation over accounts, the answer, errors, timeouts."""
