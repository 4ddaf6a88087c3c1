"""Make challenges for a call, and recognise them when they come back. Nothing is stored here."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.payments import encoding, preferences
from gateway.payments.challenge import (
    CREDENTIAL_HEADER,
    INTENT,
    NONCE,
    RESOURCE,
    Challenge,
    bound_id,
    digest_of,
    is_digest_of,
    is_ours,
    rfc3339,
    unix_seconds,
)
from gateway.payments.credential import Credential
from gateway.payments.methods.base import ChallengeUnavailable, Method, Offer, Presented
from gateway.payments.options import PaymentOptions
from gateway.payments.problems import Code, PaymentProblem

logger = logging.getLogger(__name__)

REQUEST_MEMBERS = ("amount", "currency", "recipient")


@dataclass(frozen=True, slots=True)
class Asked:
    """The call that a payment is for."""

    resource: str  # the path without its query
    body_hash: bytes  # SHA-256 of the body as it came


@dataclass(frozen=True, slots=True)
class Recognised:
    """A credential whose challenge is ours, unchanged, for this call, and still open."""

    method: Method
    presented: Presented
    expires_at: float


class Desk:
    """Knows the terms and the methods of one event loop."""

    def __init__(
        self,
        options: PaymentOptions,
        methods: Mapping[str, Method],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._options = options
        self._methods = methods
        self._clock = clock

    async def challenges(self, asked: Asked, accepted: Sequence[bytes]) -> list[Challenge]:
        """Return a challenge for each method that can be had and is wanted, best first.

        `accepted` are the values of `Accept-Payment`.
        """
        names = preferences.ordered(tuple(self._methods), INTENT, accepted)
        made = await asyncio.gather(*(self._challenge(self._methods[name], asked) for name in names))
        return [challenge for challenge in made if challenge is not None]

    async def _challenge(self, method: Method, asked: Asked) -> Challenge | None:
        offer, options = self._options.offer, self._options
        expires = rfc3339(self._clock() + options.expires_seconds)
        try:
            details = await method.details(offer)
        except ChallengeUnavailable:
            return None
        request: dict[str, Any] = {
            "amount": offer.amount,
            "currency": offer.currency,
            "recipient": offer.recipient,
        }
        if details:
            request["methodDetails"] = details
        challenge = Challenge(
            id="",
            realm=options.realm,
            method=method.name,
            intent=INTENT,
            request=encoding.encode_object(request),
            expires=expires,
            digest=digest_of(asked.body_hash),
            opaque=encoding.encode_object({NONCE: secrets.token_urlsafe(16), RESOURCE: asked.resource}),
            header=CREDENTIAL_HEADER,
        )
        return replace(challenge, id=bound_id(options.secrets[0], challenge))

    def recognise(self, credential: Credential, asked: Asked) -> Recognised:
        """Return what the credential pays for. Raises PaymentProblem. Asks nobody, claims nothing."""
        challenge = credential.challenge
        if not is_ours(self._options.secrets, challenge):
            raise _invalid("the challenge is not one of ours, or was changed")
        method = self._methods.get(challenge.method)
        if method is None or challenge.realm != self._options.realm or challenge.intent != INTENT:
            raise _invalid("the challenge is for another realm, method or intent")
        if challenge.header != CREDENTIAL_HEADER or not _is_for(challenge, asked):
            raise _invalid("the challenge is for another call")
        details = self._details(challenge, method)
        expires_at = unix_seconds(challenge.expires)
        if expires_at is None or expires_at <= self._clock():
            raise PaymentProblem(Code.EXPIRED, "the challenge has expired")
        if not is_digest_of(challenge.digest, asked.body_hash):
            raise _invalid("the challenge is for another request body")
        terms = Presented(challenge.id, self._options.offer, details, credential.payload)
        return Recognised(method, terms, expires_at)

    def _details(self, challenge: Challenge, method: Method) -> dict[str, Any]:
        """Return the challenge's `methodDetails`, once its terms are seen to be today's."""
        try:
            request = encoding.decode_object(challenge.request)
        except ValueError:
            raise _invalid("the challenge's request can't be read") from None
        offer = self._options.offer
        if _is_less(request.get("amount"), offer) and request.get("currency") == offer.currency:
            words = f"the price is now {offer.amount} {offer.currency} in base units"
            raise PaymentProblem(Code.INSUFFICIENT, words)
        details = request.get("methodDetails", {})
        terms = tuple(request.get(name) for name in REQUEST_MEMBERS)
        has_more = set(request) - {*REQUEST_MEMBERS, "methodDetails"}
        if terms != (offer.amount, offer.currency, offer.recipient) or has_more:
            raise _invalid("the challenge's terms are not those of this call")
        if not isinstance(details, dict) or not method.fits(details):
            raise _invalid("the challenge's terms are not those of this call")
        return details


def _is_for(challenge: Challenge, asked: Asked) -> bool:
    """Tell whether the challenge is for this path; one that names none is for every path."""
    if not challenge.opaque:
        return True
    try:
        resource = encoding.decode_object(challenge.opaque).get(RESOURCE, asked.resource)
    except ValueError:
        return False
    return bool(resource == asked.resource)


def _is_less(amount: object, offer: Offer) -> bool:
    if not isinstance(amount, str) or not (amount.isascii() and amount.isdecimal()) or len(amount) > 32:
        return False
    return int(amount) < int(offer.amount)


def _invalid(detail: str) -> PaymentProblem:
    return PaymentProblem(Code.INVALID_CHALLENGE, detail)
