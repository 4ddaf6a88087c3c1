"""Our own keys: made once, kept encrypted, exchanged on demand; or the operator's own. Synchronous."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from forgefed.models import Actor, Key
from forgefed.signing import multikey
from forgefed.signing.multikey import PrivateKey
from gateway.kernel import audit, secrets
from gateway.kernel.principal import Principal
from gateway.kernel.secrets import SecretUnreadable

logger = logging.getLogger(__name__)

MAIN, ED25519 = "main-key", "ed25519-key"
RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """The keys of one of our actors."""

    main: rsa.RSAPrivateKey
    main_pem: str
    multibase: str


def own_keys(actor: Actor) -> OwnKeys:
    """Return the actor's keys, made at the first call. An RSA key of the operator's goes before ours."""
    rows = {row.fragment: row for row in actor.keys.all()}
    given = settings.GATEWAY.ACTIVITYPUB_PRIVATE_KEY_PEM
    main = multikey.read_private(given) if given else _opened(rows.get(MAIN) or _made(actor, MAIN))
    edwards = rows.get(ED25519) or _made(actor, ED25519)
    if not isinstance(main, rsa.RSAPrivateKey):
        raise TypeError("the main key is an RSA key")
    return OwnKeys(main, multikey.public_pem(main.public_key()), edwards.public)


def rotate(actor: Actor, principal: Principal) -> None:
    """Make new keys in the place of those that were made here. Ids stay: others fetch the key anew."""
    with transaction.atomic():
        for fragment in (MAIN, ED25519):
            _make(actor, fragment)
        audit.record(principal, "federation.rotate-keys", actor.name, None, None)


def _made(actor: Actor, fragment: str) -> Key:
    """Make a key, unless another process has meanwhile."""
    row, is_new = Key.objects.get_or_create(actor=actor, fragment=fragment, defaults=_fresh(actor, fragment))
    if is_new:
        logger.info("Made the key %s of the actor %s", fragment, actor.name)
    return row


def _make(actor: Actor, fragment: str) -> Key:
    row, _ = Key.objects.update_or_create(actor=actor, fragment=fragment, defaults=_fresh(actor, fragment))
    return row


def _rsa() -> tuple[PrivateKey, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    return key, multikey.public_pem(key.public_key())


def _ed25519() -> tuple[PrivateKey, str]:
    key = ed25519.Ed25519PrivateKey.generate()
    return key, multikey.multikey(key.public_key())


MAKERS: dict[str, Callable[[], tuple[PrivateKey, str]]] = {MAIN: _rsa, ED25519: _ed25519}


def _fresh(actor: Actor, fragment: str) -> dict[str, object]:
    private, public = MAKERS[fragment]()
    sealed = secrets.box().encrypt(multikey.private_pem(private), _purpose(actor.name, fragment))
    return {"public": public, "sealed": sealed, "made_at": timezone.now()}


def _opened(row: Key) -> PrivateKey:
    """Return the private key of a row; a new one in its place when no key of ours opens it any more."""
    purpose = _purpose(row.actor.name, row.fragment)
    try:
        return _read(secrets.box().decrypt(row.sealed, purpose))
    except SecretUnreadable:
        logger.warning(
            "The key %s does not open with TOKEN_SECRET or ENCRYPTION_KEYS; a new one is made", row
        )
        fresh = _make(row.actor, row.fragment)
        return _read(secrets.box().decrypt(fresh.sealed, purpose))


@lru_cache(maxsize=4)
def _read(pem: str) -> PrivateKey:
    key = load_pem_private_key(pem.encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        raise TypeError("no key of ours")
    return key


def _purpose(actor: str, fragment: str) -> str:
    return f"forgefed-key:{actor}:{fragment}"
