"""What people's errors say, to whoever asked for what can't be done."""

from __future__ import annotations

from tokens.errors import TokenError
from tokens.people import errors


def test_each_says_what_is_the_matter_and_names_nobody() -> None:
    told = [errors.PersonNotFound("ann@example.org"), errors.PersonExists(), errors.LastAdmin()]
    assert all(isinstance(each, TokenError) and "ann" not in str(each) for each in told)
    assert errors.PersonNotFound("ann@example.org").email == "ann@example.org"
    assert "last active admin" in str(errors.LastAdmin())
