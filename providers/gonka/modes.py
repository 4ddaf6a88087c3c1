"""The ways to call Gonka, and what each needs of the operator. No Django, and light: asked at every start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.credentials.private_keys import WORDS, BadPrivateKey, parse
from providers.gonka.nodes import parse_endpoints

BROKER, SIGNED, REFERENCE = "broker", "signed", "reference"
MODES = (BROKER, SIGNED, REFERENCE)
REFERENCE_MODEL = "Qwen/Qwen3-235B-A22B-Instruct-2507-FP8"
"""The Rust router's default."""

OPTIONS = {
    "mode": "broker (when absent): a bearer key; signed: a private key, nodes are called directly; reference",
    "endpoints": "the nodes of mode signed, url;address,url;address; absent: base_url is asked for them",
}
"""What a row's `options` may say."""

KEY_MISSING = (
    "Gonka provider requires GONKA_PRIVATE_KEY. Make sure your Gonka account is activated for inference, "
    "funded, and has a published on-chain public key."
)


Settings = Any
"""The options of the gateway, as they stand in `settings.GATEWAY`."""


def mode_of(options: Settings) -> str:
    """Return the mode that is meant: a broker where one is configured, else as the Rust router does."""
    if options.GONKA_MODE:
        return str(options.GONKA_MODE)
    has_broker = options.GONKA_BROKER_URL and options.GONKA_BROKER_API_KEY
    return BROKER if has_broker else REFERENCE


def model_of(options: Settings) -> str:
    """Return the model of calls that name none; empty: the network's first."""
    if options.GONKA_MODEL is not None:
        return str(options.GONKA_MODEL)
    return REFERENCE_MODEL if mode_of(options) == REFERENCE else ""


def missing(options: Settings) -> str | None:
    """Return what keeps the settings' provider from being called, naming the variable."""
    mode = mode_of(options)
    if mode == BROKER:
        for name in ("GONKA_BROKER_URL", "GONKA_BROKER_API_KEY"):
            if not getattr(options, name):
                return f"GONKA_MODE=broker requires {name}"
        return None
    if not options.GONKA_PRIVATE_KEY:
        for name, other in (
            ("GONKA_BROKER_URL", "GONKA_BROKER_API_KEY"),
            ("GONKA_BROKER_API_KEY", "GONKA_BROKER_URL"),
        ):
            if getattr(options, other) and not options.GONKA_MODE:
                return f"{other} is set and {name} is not: a broker requires both"
        return KEY_MISSING
    if mode == SIGNED and not is_private_key(options.GONKA_PRIVATE_KEY):
        return f"GONKA_PRIVATE_KEY must be {WORDS} (got a value that is not shown): GONKA_MODE=signed signs with it"
    return None


def is_private_key(text: str) -> bool:
    """Tell whether a text is one."""
    try:
        parse(text)
    except BadPrivateKey:
        return False
    return True


def problem(options: Mapping[str, str], key: str) -> tuple[str, str] | None:
    """Return the field and the words of what is wrong with a row's options, or with its key; "": it stores none."""
    mode = options.get("mode", BROKER)
    if mode not in MODES:
        return "options", f"options.mode must be one of {', '.join(MODES)}"
    try:
        parse_endpoints(options.get("endpoints", ""))
    except ValueError as exc:
        return "options", f"options.endpoints: {exc}"
    if mode == SIGNED and key and not is_private_key(key):
        return "api_key", f"api_key of mode signed must be a private key: {WORDS}"
    return None
