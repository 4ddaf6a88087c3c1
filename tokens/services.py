"""Write tokens. Each function is one transaction, counted in `tokens_revision` and recorded in the audit.

After the commit, and before the function returns, this process's listeners are told (`changes`) and the
reference's files are written (`files.services`).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from gateway.kernel import audit
from gateway.kernel.principal import Principal
from tokens import auditing, changes, fields
from tokens.errors import BadTokenField, TokenConflict, TokenNotFound
from tokens.files.services import changing
from tokens.jwt import signing
from tokens.models import LIMIT_FIELDS, Group, Token
from tokens.people import following
from tokens.people import services as people
from tokens.people.errors import PersonNotFound
from tokens.people.models import Person
from tokens.signin.models import SignIn

STATES = ("active", "revoked", "expired")
MAX_PAGE = 1_000
CHANGEABLE = ("label", "expires_at", *fields.TOKEN_FIELDS)
ISSUABLE = ("label", "ttl_hours", *fields.TOKEN_FIELDS)


@dataclass(frozen=True, slots=True)
class Issued:
    """A new row with its secret, which exists nowhere else."""

    token: Token
    ttl_hours: int
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Rotated:
    """The successor of a rotated token, and the end of the old one (Unix seconds)."""

    issued: Issued
    old_ends_at: int


@dataclass(frozen=True, slots=True)
class Filters:
    """Filters of a list. `label` is contained in the label; None = any; `state` is one of STATES."""

    label: str | None = None
    state: str | None = None
    account: str | None = None
    group: str | None = None
    person: str | None = None  # an address
    after: str | None = None  # the id that ended the page before
    limit: int = MAX_PAGE


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list."""

    tokens: list[Token]
    has_more: bool


def issue(*, principal: Principal, **given: object) -> Issued:
    """Make a token.

    Takes `label`, `ttl_hours` and the enabled fields of `fields.TOKEN_FIELDS`, as in JSON; `group` is a name.
    Raises BadTokenField.
    """
    given = dict(given)
    hours = fields.ttl_hours(given.pop("ttl_hours", None))
    label = fields.label(given.pop("label", None))
    values = fields.completed(fields.check_all(given, fields.TOKEN_FIELDS))
    with changing() as revision:
        issued = _create(hours, {**_resolved(values), "label": label, "revision": revision})
        after = auditing.of_token(issued.token)
        audit.record(principal, "token.issue", f"token:{issued.token.id}", None, after)
        return issued


def revoke(token_id: str, *, principal: Principal) -> Token:
    """Refuse the token from now on. There is no way back. Idempotent; raises TokenNotFound."""
    _check_id(token_id)
    with changing() as revision:
        before = get(token_id)
        _end_sign_in(before, revision)
        Token.objects.filter(pk=token_id, revoked_at=None).update(
            revoked_at=int(time.time()), revision=revision
        )
        transaction.on_commit(changes.announce_revoked)
        return _recorded(principal, "token.revoke", before)


def expire(token_id: str, *, principal: Principal) -> Token:
    """End the token now, as if its time had run out. Idempotent; raises TokenNotFound."""
    _check_id(token_id)
    moment = int(time.time())
    with changing() as revision:
        before = get(token_id)
        _end_sign_in(before, revision)
        Token.objects.filter(pk=token_id, expires_at__gt=moment).update(expires_at=moment, revision=revision)
        return _recorded(principal, "token.change", before)


def change(token_id: str, *, principal: Principal, **given: object) -> Token:
    """Change `label`, `expires_at` (Unix seconds, not beyond the signed end) and the enabled fields.

    Null clears. Raises TokenNotFound, BadTokenField, TokenConflict.
    """
    given = dict(given)
    values: dict[str, object] = {}
    if "label" in given:
        values["label"] = fields.label(given.pop("label"))
    if "expires_at" in given:
        values["expires_at"] = fields.integer("expires_at", given.pop("expires_at"), (1, 2**53))
    values |= fields.check_all(given, fields.TOKEN_FIELDS)
    with changing() as revision:
        token = get(token_id)
        if token.sign_in_id is not None:
            raise TokenConflict("This token belongs to a sign-in; change its person instead")
        _check_end(token, values.get("expires_at"))
        compare_and_swap(token, {**_resolved(fields.completed(values, token)), "revision": revision})
        return _recorded(principal, "token.change", token)


def rotate(
    token_id: str, grace_seconds: object = None, ttl_hours: object = None, *, principal: Principal
) -> Rotated:
    """Replace a token by a successor with a new id and the same limits and ledger.

    The old token lives `grace_seconds` more. `ttl_hours` defaults to the old token's own span. Raises
    TokenNotFound, BadTokenField, TokenConflict.
    """
    grace = fields.grace_seconds(grace_seconds)
    hours = None if ttl_hours is None else fields.ttl_hours(ttl_hours)
    with changing() as revision:
        old = get(token_id)
        if old.sign_in_id is not None:
            raise TokenConflict("This token belongs to a sign-in, which refreshes it itself")
        if old.is_revoked:
            raise TokenConflict("A revoked token can't be rotated; issue a new one")
        if Token.objects.filter(rotated_from=old.id).exists():
            raise TokenConflict("This token was rotated already; rotate its successor")
        kept = {
            name: getattr(old, name)
            for name in (
                *LIMIT_FIELDS,
                "account",
                "provider",
                "group",
                "person",
                "payment",
                "log_requests",
                "label",
            )
        }
        issued = _create(
            hours or _span_hours(old),
            {**kept, "ledger_id": old.ledger_id, "rotated_from": old.id, "revision": revision},
        )
        ends_at = min(old.expires_at, int(time.time()) + grace)
        compare_and_swap(old, {"expires_at": ends_at, "revision": revision})
        after = {"expires_at": ends_at, "rotated_to": issued.token.id}
        audit.record(principal, "token.rotate", f"token:{old.id}", {"expires_at": old.expires_at}, after)
        return Rotated(issued, ends_at)


def get(token_id: str) -> Token:
    """Return the row; raises TokenNotFound."""
    _check_id(token_id)
    token = Token.objects.select_related("group", "person__user").filter(pk=token_id).first()
    if token is None:
        raise TokenNotFound(token_id)
    return token


def find(filters: Filters) -> Page:
    """Return one page, newest first. Raises BadTokenField for a filter that makes no sense."""
    limit = fields.integer("limit", filters.limit, (1, MAX_PAGE))
    rows = _filtered(filters)
    if filters.after is not None:
        after = fields.text("after", filters.after, fields.MAX_NAME_LENGTH)
        last = Token.objects.filter(pk=after).first()
        if last is None:
            raise BadTokenField("after", "no token with this id")
        rows = rows.filter(Q(issued_at__lt=last.issued_at) | Q(issued_at=last.issued_at, id__lt=last.id))
    found = list(rows.select_related("group", "person__user")[: limit + 1])
    return Page(found[:limit], has_more=len(found) > limit)


def find_all(filters: Filters) -> Iterator[Token]:
    """Yield every token that the filters let through, newest first, page by page."""
    while True:
        page = find(filters)
        yield from page.tokens
        if not page.has_more:
            return
        filters = replace(filters, after=page.tokens[-1].id)


def in_state(rows: QuerySet[Token], state: str, now: float) -> QuerySet[Token]:
    """Return those of `rows` that are in a state: `active`, `revoked` or `expired`."""
    if state not in STATES:
        raise BadTokenField("state", f"must be one of {', '.join(STATES)}")
    if state == "revoked":
        return rows.exclude(revoked_at=None)
    alive = rows.filter(revoked_at=None)
    return alive.filter(expires_at__gt=now) if state == "active" else alive.filter(expires_at__lte=now)


def _filtered(filters: Filters) -> QuerySet[Token]:
    rows = Token.objects.order_by("-issued_at", "-id")
    if filters.label:
        rows = rows.filter(label__icontains=fields.text("label", filters.label, fields.MAX_LABEL_LENGTH))
    if filters.account is not None:
        rows = rows.filter(account=fields.text("account", filters.account, fields.MAX_NAME_LENGTH))
    if filters.group is not None:
        rows = rows.filter(group__name=fields.text("group", filters.group, fields.MAX_NAME_LENGTH))
    if filters.person is not None:
        address = fields.text("person", filters.person, fields.MAX_NAME_LENGTH).strip()
        of_login = Q(person__user__email="", person__user__username__iexact=address)
        rows = rows.filter(Q(person__user__email__iexact=address) | of_login)
    return rows if filters.state is None else in_state(rows, filters.state, time.time())


def _end_sign_in(token: Token, revision: int) -> None:
    """End the sign-in that a token belongs to; other tokens are let be."""
    if token.sign_in_id is not None:
        following.close(SignIn.objects.filter(pk=token.sign_in_id), revision)


def _create(hours: int, values: Mapping[str, object]) -> Issued:
    token_id, now = str(uuid.uuid4()), int(time.time())
    ends_at = now + hours * 3600
    times = {"issued_at": now, "expires_at": ends_at, "signed_until": ends_at}
    token = Token.objects.create(id=token_id, **{"ledger_id": token_id, **times, **values})
    transaction.on_commit(changes.announce_issued)
    claims = signing.Claims(token_id, now, ends_at, token.label)
    return Issued(token, hours, signing.sign(claims, settings.GATEWAY.TOKEN_SECRET.encode()))


def _recorded(principal: Principal, action: str, before: Token) -> Token:
    """Record what has become of a token, and return its row."""
    token = get(before.id)
    sides = auditing.of_token(before), auditing.of_token(token)
    audit.record(principal, action, f"token:{token.id}", *sides)
    return token


def compare_and_swap(token: Token, values: Mapping[str, object]) -> None:
    """Write only if nobody wrote since `token` was read. Writers queue, so a loss means a foreign writer."""
    if not Token.objects.filter(pk=token.pk, revision=token.revision).update(**values):
        raise TokenConflict("The token was changed meanwhile; try again")


def _resolved(values: Mapping[str, object]) -> dict[str, object]:
    """Resolve `group` from its name to its row, and `person` from her address."""
    found = dict(values)
    if found.get("person") is not None:
        try:
            found["person"] = Person.objects.get(pk=people.get(str(found["person"])).user.pk)
        except (PersonNotFound, Person.DoesNotExist):
            raise BadTokenField("person", "no person with this address") from None
    if found.get("group") is not None:
        found["group"] = Group.objects.filter(name=found["group"]).first()
        if found["group"] is None:
            raise BadTokenField("group", "no group with this name")
    return found


def _check_end(token: Token, expires_at: object) -> None:
    if isinstance(expires_at, int) and expires_at > token.signed_until:
        raise BadTokenField(
            "expires_at", "can't lie beyond the end that the token was signed with; rotate it"
        )


def _span_hours(token: Token) -> int:
    hours = -(-(token.signed_until - token.issued_at) // 3600)
    return min(max(hours, 1), fields.MAX_TTL_HOURS)


def _check_id(token_id: str) -> None:
    """Raise TokenNotFound for what no database could hold as an id."""
    try:
        fields.text("id", token_id, fields.MAX_NAME_LENGTH)
    except BadTokenField:
        raise TokenNotFound(token_id) from None
