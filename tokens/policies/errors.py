"""Errors of policies. No HTTP statuses: `gateway/relay/errors.py` gives them."""

from __future__ import annotations

from tokens.errors import TokenError


class PolicyNotFound(TokenError):
    """A group without a policy."""

    def __init__(self, group: str) -> None:
        super().__init__("This group has no policy")
        self.group = group
