"""Know whose page it is: somebody's who is logged in, or a pasted token's, for this browser's session alone."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.http import HttpRequest

from gateway.access import principals
from gateway.access.guards import address_of
from gateway.kernel.principal import Principal, PrincipalKind
from gateway.telemetry import request_ids
from tokens.models import Token
from tokens.own import proving
from tokens.people import standing
from tokens.people.models import Person
from tokens.records import TokenRecord, limits_of, shared_limits

KEY = "me.token"
"""Of a session, where the id of a pasted token stands; never its secret."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whoever looks at her own page: `user`, or `token` that was pasted."""

    user: User | None
    tokens: tuple[Token, ...]

    @property
    def token(self) -> Token | None:
        """Return the token that was pasted; None for somebody who is logged in."""
        return self.tokens[0] if self.user is None else None

    def own(self, token_id: str) -> Token | None:
        """Return one of the holder's tokens by its id; a pasted one needs none."""
        return self.token or next((each for each in self.tokens if each.id == token_id), None)


def of(request: HttpRequest) -> Holder | None:
    """Return who looks; None for nobody, and when a pasted token has ended."""
    user = request.user
    if isinstance(user, User) and user.is_active:
        return Holder(user, tuple(proving.tokens_of_person(user)))
    token_id = request.session.get(KEY)
    token = None if token_id is None else proving.alive(token_id)
    return None if token is None else Holder(None, (token,))


def remember(request: HttpRequest, token: Token) -> None:
    """Keep a pasted token's id in the session, whose cookie has no lifetime: it goes with the browser."""
    request.session.cycle_key()
    request.session[KEY] = token.id
    request.session.set_expiry(0)


def principal_of(request: HttpRequest, holder: Holder) -> Principal:
    """Return who changes something on her own page."""
    if holder.user is not None:
        return principals.of_login(request, address_of(request), "console")
    token = holder.token
    name = "" if token is None or token.person is None else standing.address_of(token.person.user)
    kind = PrincipalKind.PERSON if name else PrincipalKind.ANONYMOUS
    return Principal(kind, name, address_of(request), "console", request_ids.current.get())


def person_record(user: User) -> TokenRecord:
    """Return what holds for all sign-ins of a person, as the record of a token that would be theirs."""
    groups = standing.groups_of(user)
    first = groups[0] if groups else None
    chain = [] if first is None else [first] if first.parent is None else [first, first.parent]
    holding = Person(user=user, **standing.limits(standing.person_of(user), first))
    ledger = standing.ledger_of(user.pk)
    return TokenRecord(
        id="", label="", issued_at=0, expires_at=0, ends_early_at=None, is_revoked=False, account=None,
        provider=None, group=None if first is None else first.name, ledger_id=ledger,
        own=limits_of(holding, ledger), shared=() if first is None else shared_limits(chain)[first.pk],
        person=standing.address_of(user), is_sign_in=True, person_id=user.pk,
    )  # fmt: skip
