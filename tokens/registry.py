"""Tokens as the data plane knows them: a copy in memory, asked on every call, kept current from the rows.

`authenticate` touches memory only and never waits. `load` and `apply_changes` are sync and use the ORM;
`lookup` is the one question that the relay may ask the database, once per unknown token.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from functools import lru_cache

from channels.db import database_sync_to_async
from django.db import DatabaseError
from django.db.models import QuerySet

from tokens.errors import (
    EndedSignIn,
    ExpiredToken,
    InvalidToken,
    MissingToken,
    RevokedToken,
    StoreUnavailable,
    TokenError,
    UnknownToken,
    UnrecordedToken,
)
from tokens.jwt import signing
from tokens.models import Group, Token, TokensRevision
from tokens.records import Limits, TokenRecord, from_row, shared_limits, unrecorded

__all__ = ["Registry", "TokenRecord", "extract"]

logger = logging.getLogger(__name__)

Headers = tuple[tuple[bytes, bytes], ...]

VERIFIED_SECRETS = 16_384
ABSENT_SECONDS = 1.0
LOOKUPS_PER_SECOND = 50
MAX_ABSENT = 10_000
MAX_ID_LENGTH = 255
OWN_HEADER = b"x-la-token"


class Registry:
    """Registry of one process. `secret` is the raw signing key.

    With `accept_unrecorded` a good signature is enough.
    """

    def __init__(
        self, secret: bytes, accept_unrecorded: bool, clock: Callable[[], float] = time.time
    ) -> None:
        self._accept_unrecorded = accept_unrecorded
        self._clock = clock
        self._records: dict[str, TokenRecord] = {}
        self._shared: dict[int, tuple[Limits, ...]] = {}
        self._revision = 0
        self._writing = threading.Lock()
        self.on_unlimited: Callable[[str], None] | None = None  # told the ledger of a set that counts no more
        # Only what verified is kept (exceptions are not cached), so a flood of bad secrets evicts nothing.
        self._verified = lru_cache(VERIFIED_SECRETS)(lambda presented: signing.verify(presented, secret))
        self._absent: dict[str, float] = {}
        self._flights: dict[tuple[int, str], asyncio.Task[None]] = {}
        self._lookups: tuple[int, int] = (0, 0)  # the second, and how many look-ups it has seen

    @property
    def revision(self) -> int:
        """Return the newest revision whose rows are in memory."""
        return self._revision

    def __len__(self) -> int:
        return len(self._records)

    def load(self) -> None:
        """Read every row and swap the copy whole. Sync, ORM; database errors pass through."""
        with self._writing:
            self._load()

    def apply_changes(self) -> None:
        """Bring in what changed since `revision`. Sync, ORM; cheap when nothing did."""
        with self._writing:
            row = TokensRevision.objects.filter(pk=1).first()
            if row is None or row.value == self._revision:
                return
            # A counter that went back is another database: restored, or swapped underneath us.
            if row.reload_from > self._revision or row.value < self._revision:
                self._load()
                return
            self._apply_groups()
            for token in _tokens().filter(revision__gt=self._revision).iterator():
                before = self._records.get(token.id)
                self._records[token.id] = record = self._record(token)
                if before is not None:
                    self._tell_unlimited((before.own,), (record.own,))
            self._revision = row.value

    def authenticate(self, secret: str, now: float) -> TokenRecord:
        """Return the record behind a presented secret, or raise one of `tokens.errors`. Memory only.

        UnknownToken asks the caller to `await lookup(sub)` and to call once more with the same `now`.
        """
        claims = self._verified(secret)
        record = self._records.get(claims.sub)
        if now >= claims.exp:
            raise EndedSignIn if record is not None and record.is_sign_in else ExpiredToken
        if claims.has_audience:
            raise InvalidToken("InvalidAudience")
        if record is None:
            return self._without_record(claims)
        if record.ends_early_at is not None and now >= record.ends_early_at:
            raise EndedSignIn if record.is_sign_in else ExpiredToken
        if record.is_revoked:
            raise EndedSignIn if record.is_sign_in else RevokedToken
        return record

    async def whose(self, headers: Headers) -> TokenRecord:
        """Return the token of a call. One that memory does not know costs one look-up. Raises a `TokenError`."""
        secret = extract(headers)
        try:
            return self.authenticate(secret, time.time())
        except UnknownToken as unknown:
            await self.lookup(unknown.sub)
            return self.authenticate(secret, time.time())

    def are_known(self, headers: Headers) -> bool:
        """Tell whether the token of these headers is still good, as far as memory knows."""
        try:
            self.authenticate(extract(headers), time.time())
        except UnknownToken:
            return True
        except TokenError:
            return False
        return True

    async def lookup(self, sub: str) -> None:
        """Ask the database about one id that memory doesn't know; afterwards `authenticate` decides.

        Single flight per id, a negative answer holds for ABSENT_SECONDS, at most LOOKUPS_PER_SECOND.
        Raises StoreUnavailable when the database can't be asked, unless unrecorded tokens are accepted.
        """
        key = (id(asyncio.get_running_loop()), sub)
        task = self._flights.get(key)
        if task is None:
            task = asyncio.create_task(self._look_up(sub))
            self._flights[key] = task
            task.add_done_callback(lambda _: self._flights.pop(key, None))
        await asyncio.shield(task)  # a caller that leaves must not take the answer from the others

    def _without_record(self, claims: signing.Claims) -> TokenRecord:
        until = self._absent.get(claims.sub)
        if until is None or self._clock() >= until:
            raise UnknownToken(claims.sub)
        if not self._accept_unrecorded or not _is_id(claims.sub):
            raise UnrecordedToken
        return unrecorded(claims.sub, claims.label, (claims.iat, claims.exp))

    async def _look_up(self, sub: str) -> None:
        if sub in self._records:
            return
        if not _is_id(sub):
            self._mark_absent(sub)
            return
        try:
            self._count_lookup()
            # Not thread-sensitive: that one thread also serves the admin's pages, which may be slow.
            record = await database_sync_to_async(self._fetch, thread_sensitive=False)(sub)
        except (StoreUnavailable, DatabaseError) as problem:
            if self._accept_unrecorded:
                self._mark_absent(sub)
                return
            logger.warning("Can't look up a token: %s", type(problem).__name__)
            raise StoreUnavailable("the token could not be looked up; try again") from problem
        if record is None:
            self._mark_absent(sub)

    def _count_lookup(self) -> None:
        second = int(self._clock())
        count = self._lookups[1] + 1 if self._lookups[0] == second else 1
        self._lookups = (second, count)
        if count > LOOKUPS_PER_SECOND:
            raise StoreUnavailable("too many unknown tokens at once; try again")

    def _fetch(self, sub: str) -> TokenRecord | None:
        token = _tokens().filter(pk=sub).first()
        if token is None:
            return None
        with self._writing:
            record = self._record(token)
            known = self._records.get(sub)
            if known is None or known.revision < record.revision:
                self._records[sub] = record
        return record

    def _mark_absent(self, sub: str) -> None:
        now = self._clock()
        if len(self._absent) >= MAX_ABSENT:
            self._absent = {key: until for key, until in self._absent.items() if until > now}
        if len(self._absent) < MAX_ABSENT:
            self._absent[sub] = now + ABSENT_SECONDS

    def _load(self) -> None:
        # The counter first: rows written meanwhile are newer than it and will be read again.
        row = TokensRevision.objects.filter(pk=1).first()
        self._shared = shared_limits(Group.objects.all())
        self._records = {token.id: self._record(token) for token in _tokens().iterator()}
        self._revision = row.value if row else 0

    def _apply_groups(self) -> None:
        if not Group.objects.filter(revision__gt=self._revision).exists():
            return
        before, self._shared = self._shared, shared_limits(Group.objects.all())
        for pk, limits in before.items():
            self._tell_unlimited(limits[:1], self._shared.get(pk, ())[:1])
        moved = {pk for pk, limits in self._shared.items() if before.get(pk) != limits}
        for sub, record in tuple(self._records.items()):
            if record.group_id in moved:
                self._records[sub] = record.with_shared(self._shared[record.group_id])

    def _tell_unlimited(self, before: tuple[Limits, ...], after: tuple[Limits, ...]) -> None:
        """Tell which ledgers count no longer: should their sets be limited again, they are read anew."""
        if self.on_unlimited is None:
            return
        counted = {limits.ledger for limits in after if limits.counts_something}
        for limits in before:
            if limits.counts_something and limits.ledger not in counted:
                self.on_unlimited(limits.ledger)

    def _record(self, token: Token) -> TokenRecord:
        if token.group_id is None:
            return from_row(token, ())
        if token.group_id not in self._shared:  # the group is younger than our copy of the groups
            self._shared = shared_limits(Group.objects.all())
        return from_row(token, self._shared[token.group_id])


def _tokens() -> QuerySet[Token]:
    """Return tokens with whose they are, in one query."""
    return Token.objects.select_related("person__user", "sign_in__user")


def _is_id(sub: str) -> bool:
    """Tell whether it can be the key of a row: in the database, in Redis, in a log line."""
    return len(sub) <= MAX_ID_LENGTH and sub.isprintable()


def extract(headers: Headers) -> str:
    """Return the secret that a call presents: `Authorization: Bearer`, else `x-api-key`. Raises MissingToken.

    `x-la-token` goes before both: the others are the caller's own then.

    With both present and different the one that looks like ours wins: Claude Code's helper sends both.
    Header names are lower-case bytes; of repeated ones the first counts.
    """
    bearer = api_key = ""
    has_authorization = has_api_key = False
    for name, value in headers:
        if name == OWN_HEADER:
            return value.strip().decode("latin-1").removeprefix("Bearer ")
        if name == b"authorization" and not has_authorization:
            has_authorization = True
            if value.startswith(b"Bearer "):
                bearer = value[7:].rstrip(b" \t").decode("latin-1")
        elif name == b"x-api-key" and not has_api_key:
            has_api_key = True
            api_key = value.rstrip(b" \t").decode("latin-1")
    if bearer and api_key and not signing.looks_like_ours(bearer) and signing.looks_like_ours(api_key):
        return api_key
    if not (bearer or api_key):
        raise MissingToken
    return bearer or api_key
