"""Define a way to pay: it completes challenges, and takes, gives back and looks up the money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Offer:
    """Terms that are asked for a call. `amount` in base units, as text."""

    amount: str
    currency: str
    recipient: str


@dataclass(frozen=True, slots=True)
class Presented:
    """A credential that belongs to a challenge of ours: its terms, and the caller's proof."""

    challenge_id: str
    offer: Offer
    details: Mapping[str, Any]  # the challenge's `methodDetails`
    payload: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settled:
    """Money that has been taken. `extras` are members of the receipt beside the usual ones."""

    reference: str
    extras: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taken:
    """A payment as its row knows it. `reference` is empty while it is not known whether money was taken."""

    challenge_id: str
    reference: str
    claimed_at: float  # Unix seconds
    details: Mapping[str, Any]  # what the method noted of the challenge


class Refund(StrEnum):
    """Outcomes of giving money back."""

    DONE = "done"
    DUE = "due"  # it is owed, and has to be given back by hand or later
    NOTHING = "nothing"  # no money has moved


class Finding(StrEnum):
    """Answers of a provider about a payment whose outcome was not known."""

    PAID = "paid"
    NOT_PAID = "not-paid"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """A provider's answer about a payment; `reference` names it there once it is paid."""

    finding: Finding
    reference: str = ""


class ChallengeUnavailable(Exception):
    """No challenge can be made now: the method's server does not answer."""


class Method(Protocol):
    """One way to pay. Belongs to an event loop, as its HTTP client does."""

    name: str

    async def details(self, offer: Offer) -> dict[str, Any]:
        """Return `methodDetails` of a new challenge; empty = none. Raises ChallengeUnavailable."""

    def fits(self, details: Mapping[str, Any]) -> bool:
        """Tell whether details of a challenge, which is ours, are still what would be asked for."""

    def check(self, presented: Presented) -> None:
        """Refuse what can be seen to be wrong without asking anybody. Raises PaymentProblem."""

    def notes(self, presented: Presented) -> dict[str, str]:
        """Return what the row keeps, so that the provider can be asked later. Never a secret."""

    async def settle(self, presented: Presented) -> Settled:
        """Take the money, once. Raises PaymentProblem, or OutcomeUnknown: then nobody may try again."""

    async def refund(self, taken: Taken) -> Refund:
        """Give the money back. Never raises: what could not be done is due."""

    async def look_up(self, taken: Taken) -> Answer:
        """Ask the provider what became of a payment. Never raises."""

    async def aclose(self) -> None: ...
