"""Read the settings of payments, once; say what is wrong with them, by name."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.conf import settings

from gateway.config.options import ConfigurationError
from gateway.config.table import Options
from gateway.kernel.keys import derive
from gateway.payments.currencies import DECIMALS, SATOSHI, BadAmount, base_units
from gateway.payments.methods.base import Offer
from gateway.payments.methods.lightning import LightningOptions
from gateway.payments.methods.stripe import StripeOptions
from gateway.payments.problems import Terms

LABEL = "mpp"
METHODS = ("test", "stripe", "lightning")
SHORTEST_SECRET_BYTES = 32
LONGEST_RECIPIENT = 1024
"""A challenge stays well below the 8 KB that clients take."""
_REALM = re.compile(r"[\x20-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class PaymentOptions:
    """Options of the gate and its methods. Secrets are not in `repr`."""

    offer: Offer
    terms: Terms
    methods: tuple[str, ...]
    realm: str
    expires_seconds: float
    surfaces: str
    allows_anonymous: bool
    stripe: StripeOptions
    lightning: LightningOptions
    secrets: tuple[bytes, ...] = field(repr=False)


def from_settings(given: Options | None = None) -> PaymentOptions | None:
    """Return the options; None while payments are off. Raises ConfigurationError for the first bad one."""
    options: Options = settings.GATEWAY if given is None else given
    if not options.MPP_ENABLE:
        return None
    for name, text in problems(options):
        raise ConfigurationError(f"{name} {text}")
    currency = options.MPP_CURRENCY.lower()
    amount, methods = options.MPP_AMOUNT, options.MPP_METHOD
    return PaymentOptions(
        offer=Offer(base_units(amount, currency), currency, options.MPP_RECIPIENT),
        terms=Terms(amount, options.MPP_CURRENCY, options.MPP_RECIPIENT, methods[0] if methods else None),
        methods=methods,
        realm=realm_of(options),
        expires_seconds=options.MPP_EXPIRES_SECONDS,
        surfaces=options.MPP_SURFACES,
        allows_anonymous=options.MPP_ANONYMOUS,
        stripe=StripeOptions(
            options.MPP_STRIPE_SECRET_KEY,
            options.MPP_STRIPE_NETWORK_ID,
            options.MPP_STRIPE_PAYMENT_METHOD_TYPES,
            options.MPP_STRIPE_API_URL,
        ),
        lightning=LightningOptions(
            options.MPP_LIGHTNING_API_URL, options.MPP_LIGHTNING_MACAROON, options.MPP_EXPIRES_SECONDS
        ),
        secrets=_secrets(options),
    )


def realm_of(options: Options) -> str:
    """Return the realm: as configured, else the host of the public address."""
    return options.MPP_REALM or urlsplit(settings.ACTOR_BASE_URL).hostname or ""


def _secrets(options: Options) -> tuple[bytes, ...]:
    given = tuple(secret.encode() for secret in options.MPP_SECRET)
    return given or (derive(options.TOKEN_SECRET, LABEL),)


Problem = tuple[str, str]
"""A variable, and what it must be."""


def problems(options: Options) -> Iterator[Problem]:
    """Yield what keeps payments from being asked for as they are configured. Nothing while they are off."""
    if options.MPP_ENABLE:
        yield from _of_price(options)
        yield from _of_challenges(options)
        yield from _of_methods(options)
        yield from _of_stripe(options)
        yield from _of_lightning(options)


def _of_price(options: Options) -> Iterator[Problem]:
    currency = options.MPP_CURRENCY.lower()
    if currency not in DECIMALS:
        yield "MPP_CURRENCY", "must be a currency code of ISO 4217, or sat"
    else:
        try:
            base_units(options.MPP_AMOUNT, currency)
        except BadAmount as problem:
            yield "MPP_AMOUNT", str(problem)
    if not options.MPP_RECIPIENT.strip() or len(options.MPP_RECIPIENT) > LONGEST_RECIPIENT:
        yield "MPP_RECIPIENT", f"must name who is paid, in at most {LONGEST_RECIPIENT} characters"


def _of_challenges(options: Options) -> Iterator[Problem]:
    if any(len(secret.encode()) < SHORTEST_SECRET_BYTES for secret in options.MPP_SECRET):
        yield "MPP_SECRET", f"must have at least {SHORTEST_SECRET_BYTES} bytes, each of the list"
    if not _REALM.fullmatch(realm_of(options)):
        yield "MPP_REALM", "must be 1 to 255 printable ASCII characters"


def _of_methods(options: Options) -> Iterator[Problem]:
    methods = options.MPP_METHOD
    unknown = [name for name in methods if name not in METHODS]
    if unknown or len(set(methods)) != len(methods):
        yield (
            "MPP_METHOD",
            f"must be a comma list of {', '.join(METHODS)}, each once (got {','.join(methods)!r})",
        )
    if "test" in methods and not options.MPP_ALLOW_TEST:
        yield "MPP_ALLOW_TEST", "must be true for MPP_METHOD=test: nobody pays anything by that method"


def _of_stripe(options: Options) -> Iterator[Problem]:
    if "stripe" not in options.MPP_METHOD:
        return
    if options.MPP_CURRENCY.lower() == SATOSHI:
        yield "MPP_CURRENCY", "must be a currency of ISO 4217 for MPP_METHOD=stripe"
    if options.MPP_STRIPE_SECRET_KEY and not options.MPP_STRIPE_NETWORK_ID.strip():
        yield "MPP_STRIPE_NETWORK_ID", "must be given with MPP_STRIPE_SECRET_KEY"
    if options.MPP_STRIPE_SECRET_KEY and not options.MPP_STRIPE_PAYMENT_METHOD_TYPES:
        yield "MPP_STRIPE_PAYMENT_METHOD_TYPES", "must name at least one type, such as card"


def _of_lightning(options: Options) -> Iterator[Problem]:
    if "lightning" not in options.MPP_METHOD:
        return
    if options.MPP_CURRENCY.lower() != SATOSHI:
        yield "MPP_CURRENCY", "must be sat for MPP_METHOD=lightning"
    if options.MPP_LIGHTNING_MACAROON and not options.MPP_LIGHTNING_API_URL:
        yield "MPP_LIGHTNING_API_URL", "must be given with MPP_LIGHTNING_MACAROON"
    if not re.fullmatch(r"(?:[0-9a-fA-F]{2})*", options.MPP_LIGHTNING_MACAROON):
        yield "MPP_LIGHTNING_MACAROON", "must be hexadecimal digits"


def is_in_clear(base_url: str) -> bool:
    """Tell whether callers reach us without TLS, and not on this machine alone."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if parts.scheme != "http" or host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True
