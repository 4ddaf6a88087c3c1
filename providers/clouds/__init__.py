"""Anthropic's models at the clouds: how calls are written there, what answers mean, where credentials come from."""
