"""Name what is traced as OpenTelemetry's conventions for generative AI do. Pure; no text of a call goes in."""

from __future__ import annotations

from urllib.parse import urlsplit

from gateway.exchange.exchange import Exchange
from gateway.kernel.redaction import redact
from gateway.telemetry.traces.noted import Asked, Noted

Value = str | int | float | bool | tuple[str, ...]
Attributes = dict[str, Value]

LENGTH = 256
PROVIDERS = {
    "anthropic": "anthropic",
    "anthropic-aws": "anthropic",
    "claude-cli": "anthropic",
    "bedrock": "aws.bedrock",
    "vertex": "gcp.vertex_ai",
    "foundry": "azure.ai.inference",
    "openai-compatible": "openai",
}
"""The conventions' names by our kinds; a kind without one keeps its own."""


def span_name(noted: Noted) -> str:
    """Return the name of a call's span: what is done, and with which model."""
    return f"{noted.operation} {plain(noted.exchange.model_asked)}".rstrip()


def of_call(noted: Noted) -> Attributes:
    """Return what is told of a call."""
    exchange = noted.exchange
    last = noted.asked[-1] if noted.asked else None
    found: dict[str, Value | None] = {
        "gen_ai.operation.name": noted.operation,
        **_provider(last),
        "gen_ai.request.model": plain(exchange.model_asked),
        "gen_ai.request.stream": exchange.is_stream,
        "gen_ai.response.model": plain(exchange.model_served),
        "gen_ai.response.finish_reasons": noted.finish_reasons,
        "gen_ai.response.time_to_first_chunk": exchange.first_byte_seconds if exchange.is_stream else None,
        **_usage(exchange),
        "error.type": error_of(exchange),
        "http.request.method": plain(exchange.method),
        "http.response.status_code": exchange.status,
        "gateway.request.id": exchange.id,
        "gateway.surface": exchange.surface,
        "gateway.token.id": plain(exchange.token_id),
        "gateway.provider": plain(exchange.provider),
        "gateway.account": plain(exchange.account),
        "gateway.attempts": exchange.attempts,
        "gateway.overhead.seconds": round(exchange.overhead_seconds, 6),
        "gateway.cost": None if exchange.cost is None else f"{exchange.cost:f}",
        "gateway.cost.currency": exchange.currency,
        "gateway.rehearsal": exchange.rehearsal,
    }
    return _told(found)


def of_try(noted: Noted, asked: Asked) -> Attributes:
    """Return what is told of one request to an upstream."""
    return _told(
        {
            "gen_ai.operation.name": noted.operation,
            **_provider(asked),
            "gen_ai.request.model": plain(asked.model),
            "error.type": asked.error,
            "http.response.status_code": asked.status,
            "server.address": _host(asked.address),
            "gateway.provider": plain(asked.provider),
            "gateway.account": plain(asked.account),
        }
    )


def error_of(exchange: Exchange) -> str:
    """Return the kind of a failure, else the status that says there was one; "" = there was none."""
    if exchange.failure_kind is not None:
        return str(exchange.failure_kind)
    return str(exchange.status) if exchange.status >= 400 else ""


def plain(text: str) -> str:
    """Return a caller's or an operator's word, short and without secrets."""
    return redact(text[:LENGTH])


def _usage(exchange: Exchange) -> dict[str, Value | None]:
    """Return the tokens; the conventions count cached ones into the input."""
    usage = exchange.usage
    written = usage.cache_write_5m_tokens + usage.cache_write_1h_tokens
    whole = usage.input_tokens + usage.cache_read_tokens + written
    if not whole and not usage.output_tokens:
        return {}
    return {
        "gen_ai.usage.input_tokens": whole,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cache_read_tokens or None,
        "gen_ai.usage.cache_creation.input_tokens": written or None,
    }


def _provider(asked: Asked | None) -> dict[str, Value | None]:
    """Return the provider's name, and as older collectors know it."""
    name = None if asked is None else PROVIDERS.get(asked.kind, asked.kind)
    return {"gen_ai.provider.name": name, "gen_ai.system": name}


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _told(found: dict[str, Value | None]) -> Attributes:
    return {name: value for name, value in found.items() if value is not None and value not in ("", ())}
