"""HTTP Message Signatures, RFC 9421, as far as federation uses them: one signature, RSA v1.5 or Ed25519. Pure."""

from __future__ import annotations

import base64
import re
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from forgefed.errors import BadSignature
from forgefed.signing.messages import Message, Signature, Window, check_content_digest, decoded, digest_of
from forgefed.signing.multikey import PrivateKey, sign
from gateway.kernel.egress import host_header

SCHEME = "rfc9421"
RSA, ED25519 = "rsa-v1_5-sha256", "ed25519"
ALGORITHMS = frozenset(("", RSA, ED25519))
MANDATORY = ("@method", "@target-uri")
LABEL = "sig1"
LONGEST_HEADER = 8192

ITEM = re.compile(r'"([a-z0-9@!#$%&\'*+.^_`|~-]+)"')
MEMBER = re.compile(r"([a-z*][a-z0-9_.*-]*)=\(([^()]*)\)((?:;[^,]*)?)")
PARAMETER = re.compile(
    r';\s*([a-z*][a-z0-9_.*-]*)(?:=(?:"((?:[^"\\]|\\["\\])*)"|(-?\d+)|([A-Za-z*][^;,"\s]*)))?'
)
VALUE = re.compile(r"([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/=]*):")


def headers_of(message: Message, key: PrivateKey, key_id: str, now: float) -> list[tuple[str, str]]:
    """Return the headers that sign a request: `content-digest` where there is a body, and the signature's two."""
    fresh: list[tuple[str, str]] = []
    if message.has_body:
        fresh.append(("content-digest", f"sha-256=:{digest_of(message.body)}:"))
    names = [*MANDATORY, *(name for name, _ in fresh)]
    algorithm = RSA if isinstance(key, RSAPrivateKey) else ED25519
    listed = " ".join(f'"{name}"' for name in names)
    params = f'({listed});created={int(now)};keyid="{key_id}";alg="{algorithm}"'
    whole = Message(message.method, message.url, (*fresh, *message.headers))
    value = base64.b64encode(sign(key, _base(whole, names, params))).decode()
    return [*fresh, ("signature-input", f"{LABEL}={params}"), ("signature", f"{LABEL}=:{value}:")]


def read(message: Message, window: Window) -> Signature:
    """Read and check everything but the key. Raises `BadSignature`."""
    label, listed, tail = _input(message.needed("signature-input"))
    names, given = _components(listed), _parameters(tail)
    mandatory = (*MANDATORY, "content-digest") if message.has_body else MANDATORY
    if missing := [name for name in mandatory if name not in names]:
        raise BadSignature(f"not signed: {' '.join(missing)}")
    if given.get("alg", "") not in ALGORITHMS:
        raise BadSignature("an algorithm that is not used here")
    if "created" not in given or not given.get("keyid"):
        raise BadSignature("created and keyid are required")
    try:
        window.check(float(given["created"]), "created")
        if "expires" in given:
            window.check_end(float(given["expires"]))
    except ValueError as exc:
        raise BadSignature("created and expires are Unix seconds") from exc
    if message.has_body:
        check_content_digest(message.needed("content-digest"), message.body)
    value = _value(message.needed("signature"), label)
    base = _base(message, names, f"({listed}){tail}")
    return Signature(SCHEME, given["keyid"], base, value, given.get("alg", ""))


def _input(header: str) -> tuple[str, str, str]:
    """Return the label, the list between its brackets, and the parameters, as they were sent."""
    match = MEMBER.fullmatch(header.strip()) if len(header) <= LONGEST_HEADER else None
    if match is None:
        raise BadSignature("signature-input can't be read, or holds more than one signature")
    return match[1], match[2], match[3]


def _components(listed: str) -> list[str]:
    names = []
    for item in listed.split():
        match = ITEM.fullmatch(item)
        if match is None:
            raise BadSignature("a signed component that is not understood here")
        names.append(match[1])
    if len(set(names)) != len(names):
        raise BadSignature("a component is signed twice")
    return names


def _parameters(tail: str) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(tail):
        match = PARAMETER.match(tail, at)
        if match is None or match[1] in found:
            raise BadSignature("the parameters of signature-input can't be read")
        quoted = match[2]
        found[match[1]] = (match[3] or match[4] or "") if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        at = match.end()
    return found


def _value(header: str, label: str) -> bytes:
    match = VALUE.fullmatch(header.strip()) if len(header) <= LONGEST_HEADER else None
    if match is None or match[1] != label:
        raise BadSignature("signature can't be read, or is another one than signature-input says")
    return decoded(match[2])


def _base(message: Message, names: list[str], params: str) -> bytes:
    lines = [f'"{name}": {_component(message, name)}' for name in names]
    lines.append(f'"@signature-params": {params}')
    return "\n".join(lines).encode()


def _component(message: Message, name: str) -> str:
    if not name.startswith("@"):
        return message.needed(name)
    parts = urlsplit(message.url)
    derived = {
        "@method": message.method,
        "@target-uri": message.url,
        "@authority": host_header(message.url),
        "@scheme": parts.scheme,
        "@path": parts.path or "/",
        "@query": f"?{parts.query}",
        "@request-target": message.target,
    }
    if name not in derived:
        raise BadSignature("a signed component that is not understood here")
    return derived[name]
