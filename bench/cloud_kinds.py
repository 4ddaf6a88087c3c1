"""The kinds of clouds that are measured: each with a key, and with a credential that makes or signs each call's own."""

KEY = "key-of-the-clouds-0123456789"
AWS_SECRET = "".join(chr(48 + 37 * place % 75) for place in range(40))  # no letter again and again
AWS = {"region": "eu-central-1", "api_key": KEY}
KINDS = {
    "anthropic": None,
    "bedrock messages": {"kind": "bedrock", "api": "messages", **AWS},
    "vertex": {"kind": "vertex", "project": "bench", "region": "eu", "api_key": KEY},
    "foundry": {"kind": "foundry", "api_key": KEY},
    "anthropic-aws": {"kind": "anthropic-aws", "workspace": "bench", **AWS},
    "bedrock invoke": {"kind": "bedrock", "api": "invoke", **AWS},
}
SIGNED = {
    "bedrock messages": {"source": "aws", "access_key_id": "AKIABENCH0123456789", "secret": AWS_SECRET},
    "vertex": {"source": "google"},
    "foundry": {"source": "azure", "tenant_id": "t", "client_id": "c", "secret": "s" * 20},
    "anthropic-aws": {"source": "aws", "access_key_id": "AKIABENCH0123456789", "secret": AWS_SECRET},
    "bedrock invoke": {"source": "aws", "access_key_id": "AKIABENCH0123456789", "secret": AWS_SECRET},
}
"""Accounts of a second row of each kind, which has no key."""


def model_of(name):
    """Return the model that the row of this name serves."""
    return f"bench-{name.replace(' ', '-').replace(',', '')}"


def signed_names():
    return [f"{name}, signed" if SIGNED[name]["source"] == "aws" else f"{name}, token" for name in SIGNED]


def providers_of(base_url):
    """Return the rows of providers, all at one address."""
    rows = {name: fields for name, fields in KINDS.items() if fields is not None}
    for name, own in zip(signed_names(), SIGNED, strict=True):
        rows[name] = {field: value for field, value in KINDS[own].items() if field != "api_key"}
    return [
        {"name": model_of(name), "base_url": base_url, "models": [model_of(name)], **fields}
        for name, fields in rows.items()
    ]


ACCOUNTS = [
    {"name": model_of(name), "provider": model_of(name), **SIGNED[own]}
    for name, own in zip(signed_names(), SIGNED, strict=True)
]
