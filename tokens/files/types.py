"""Contents of the reference's two token files, in one shape. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StoredToken:
    """One record. Times are Unix seconds; `account` "" and None differ.

    `max_requests` is what is left of a newer router's request limit, None = no limit.
    """

    id: str
    label: str = ""
    issued_at: int = 0
    expires_at: int = 0
    revoked: bool = False
    account: str | None = None
    max_requests: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a file that can't be trusted. `token_id`, when it is known whose record it is."""

    place: str  # "line 3", "record 7", "file"
    reason: str
    token_id: str | None = None


@dataclass(slots=True)
class Contents:
    """Result of a reader: good records by id, and problems."""

    records: dict[str, StoredToken] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
