"""Decide whether a caller may use the management side. No Django, no database.

One `Gate` per process serves the management API, /metrics, /v1/usage and /v1/accounts.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from gateway.kernel.principal import PrincipalKind
from gateway.telemetry.strangers import shown
from providers.dialects.types import Failure, FailureKind, Headers, header

logger = logging.getLogger(__name__)

KEY_REQUIRED = "admin Bearer key required"
KEY_REQUIRED_TO_ISSUE = "missing or invalid admin Bearer key"
LOCAL_ONLY = "TOKEN_ADMIN_KEY is not set, so administration answers this machine only"

WRONG_KEYS = 5
WRONG_KEY_WINDOW_SECONDS = 60.0
LOCK_SECONDS = 300.0
PEERS_REMEMBERED = 10_000

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_FORWARDING = frozenset(
    {b"forwarded", b"x-real-ip", b"via", b"true-client-ip", b"x-client-ip", b"x-cluster-client-ip"}
)
_FORWARDING_PREFIXES = (b"x-forwarded-", b"cf-connecting-")
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})


class AccessDenied(Exception):
    """Refuses a caller. `failure` says how to tell it."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller as access sees it.

    `address`: the socket's other end, "" where there is none (a Unix socket).
    """

    address: str
    method: str
    headers: Headers


@dataclass(frozen=True, slots=True)
class Peer:
    """The far end of a connection, with the proxies that we trust taken away."""

    address: str
    is_forwarded: bool  # a forwarding header was there, believed or not
    is_loopback: bool  # on this machine, and nobody in between


def parse_address(text: str) -> Address | None:
    """Parse an IP address as it stands in a header: brackets, port and zone allowed. None if it is none."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


class Proxies:
    """The proxies whose forwarding headers are believed."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks: tuple[Network, ...] = tuple(ipaddress.ip_network(network) for network in networks)

    def trusts(self, peer: str) -> bool:
        """Tell whether what this peer says of the caller is believed."""
        return self._is_trusted(parse_address(peer))

    def _is_trusted(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self._networks)

    def peer(self, caller: Caller) -> Peer:
        """Return the last address that is not a trusted proxy."""
        is_forwarded = any(
            name in _FORWARDING or name.startswith(_FORWARDING_PREFIXES) for name, _ in caller.headers
        )
        direct = parse_address(caller.address)
        shown = caller.address if direct is None else str(direct)
        if self._is_trusted(direct):
            for hop in reversed(_hops(caller.headers)):
                address = parse_address(hop)
                shown = hop[:64] if address is None else str(address)
                if not self._is_trusted(address):
                    break
        is_loopback = direct is not None and direct.is_loopback and not is_forwarded
        return Peer(shown, is_forwarded, is_loopback)


def _hops(headers: Headers) -> list[str]:
    """Return the addresses of X-Forwarded-For, first client first; repeated headers are one list."""
    lines = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
    return [hop.strip() for line in lines for hop in line.split(",") if hop.strip()]


class WrongKeys:
    """Counts wrong keys per peer and locks it out. Bounded; safe among threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()
        self._locked_until: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        """Return how many peers are remembered, locked or not."""
        return max(len(self._seen), len(self._locked_until))

    def remaining_seconds(self, peer: str) -> float:
        """Return how long the peer is still locked out; 0 when it is not."""
        with self._lock:
            until = self._locked_until.get(bucket_of(peer), 0.0)
        return max(0.0, until - self._clock())

    def add(self, peer: str) -> None:
        """One more wrong key, or password, from there."""
        now, bucket = self._clock(), bucket_of(peer)
        with self._lock:
            times = self._seen.setdefault(bucket, deque(maxlen=WRONG_KEYS))
            self._seen.move_to_end(bucket)
            times.append(now)
            if len(times) == WRONG_KEYS and now - times[0] <= WRONG_KEY_WINDOW_SECONDS:
                if parse_address(peer) is not None:  # a login's name may be a password in the wrong field
                    logger.warning("locked out for %d s: %s", LOCK_SECONDS, shown(peer))
                del self._seen[bucket]
                self._locked_until[bucket] = now + LOCK_SECONDS
                self._locked_until.move_to_end(bucket)
            for memory in (self._seen, self._locked_until):
                if len(memory) > PEERS_REMEMBERED:
                    memory.popitem(last=False)


def bucket_of(peer: str) -> str:
    """Return the name under which a peer is counted.

    An IPv6 peer calls from a whole /64: that counts as one.
    """
    address = parse_address(peer)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return peer


@dataclass(frozen=True, slots=True)
class GateOptions:
    """The settings that decide who is let in."""

    key: str = field(repr=False)  # TOKEN_ADMIN_KEY, "" = none
    bind_host: str  # ROUTER_HOST
    allow_anonymous: bool
    trusted_proxies: tuple[str, ...] = ()


class Gate:
    """Opens for the admin key, for staff, and without a key for this machine alone."""

    def __init__(self, options: GateOptions, clock: Callable[[], float]) -> None:
        self._options = options
        self._key = options.key.encode()
        self._proxies = Proxies(options.trusted_proxies)
        self.wrong_keys = WrongKeys(clock)

    def peer(self, caller: Caller) -> Peer:
        return self._proxies.peer(caller)

    def trusts(self, peer: str) -> bool:
        """Tell whether the peer is a proxy whose forwarding headers are believed."""
        return self._proxies.trusts(peer)

    def admit(self, caller: Caller, *, message: str = KEY_REQUIRED) -> None:
        """Return when the caller may administrate; raise `AccessDenied` when not.

        Staff sessions are the web framework's matter: ask it first. `message` is the text of the 401.
        """
        peer = self._proxies.peer(caller)
        if not self._key:
            self._admit_without_key(caller, peer, message)
            return
        remaining = 0.0 if peer.is_loopback else self.wrong_keys.remaining_seconds(peer.address)
        if remaining > 0:
            raise AccessDenied(
                Failure(
                    FailureKind.RATE_LIMIT,
                    "too many wrong admin keys; try again later",
                    retry_after_seconds=remaining,
                )
            )
        presented = header(caller.headers, b"authorization") or b""
        given = presented.removeprefix(b"Bearer ")
        if given == presented or not given:
            raise _unauthenticated(message)
        if not hmac.compare_digest(given, self._key):
            if not peer.is_loopback:
                self.wrong_keys.add(peer.address)
            raise _unauthenticated(message)

    def is_from_here(self, caller: Caller) -> bool:
        """Tell whether the caller is on this machine, and knows us by a name of this machine."""
        host = header(caller.headers, b"host") or b""
        return self._proxies.peer(caller).is_loopback and self._is_own_host(host)

    def holds_key(self, caller: Caller) -> bool:
        """Tell whether the caller presents the admin key, and may. Nothing is counted, nobody admitted."""
        given = (header(caller.headers, b"authorization") or b"").removeprefix(b"Bearer ")
        if not self._key or not hmac.compare_digest(given, self._key):
            return False
        peer = self._proxies.peer(caller)
        return peer.is_loopback or self.wrong_keys.remaining_seconds(peer.address) <= 0

    def kind_of(self, caller: Caller) -> PrincipalKind:
        """Return what a caller is that was admitted."""
        if self._key:
            return PrincipalKind.ADMIN_KEY
        return PrincipalKind.LOOPBACK if self._proxies.peer(caller).is_loopback else PrincipalKind.ANONYMOUS

    def _admit_without_key(self, caller: Caller, peer: Peer, message: str) -> None:
        if self._options.allow_anonymous:
            return
        problem = self._keyless_problem(caller, peer)
        if problem:
            raise _unauthenticated(f"{message}: {problem}")

    def _keyless_problem(self, caller: Caller, peer: Peer) -> str:
        """Say why a caller without a key is refused; "" when it is let in.

        A browser page must not qualify.
        """
        if not peer.is_loopback:
            return LOCAL_ONLY
        if not self._is_own_host(header(caller.headers, b"host") or b""):
            return f"{LOCAL_ONLY}; the Host header names another one"
        if header(caller.headers, b"origin") is not None:
            return f"{LOCAL_ONLY}, and no web page on it"
        if (header(caller.headers, b"sec-fetch-site") or b"").strip().lower() == b"cross-site":
            return f"{LOCAL_ONLY}, and no web page on it"
        if caller.method in _BODY_METHODS and not is_json(header(caller.headers, b"content-type") or b""):
            return "without a key a call that changes something must have Content-Type: application/json"
        return ""

    def _is_own_host(self, host: bytes) -> bool:
        text = host.decode("latin-1").strip().lower()
        address = parse_address(text)
        if address is not None:
            return address.is_loopback or address == parse_address(self._options.bind_host)
        return text.rpartition(":")[0] == "localhost" or text == "localhost"


def is_json(content_type: bytes) -> bool:
    """Tell whether it is `application/json` or `application/*+json`, in any case, parameters ignored."""
    essence = content_type.partition(b";")[0].strip().lower()
    return essence == b"application/json" or (
        essence.startswith(b"application/") and essence.endswith(b"+json") and len(essence) > 17
    )


def _unauthenticated(message: str) -> AccessDenied:
    return AccessDenied(Failure(FailureKind.AUTHENTICATION, message))
