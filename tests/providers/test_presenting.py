"""Records as the reference shows them, ours beside them, and no secret in any."""

from __future__ import annotations

from providers import presenting
from providers.models import Provider, Route


def test_unset_fields_are_left_out_and_the_order_is_the_references() -> None:
    row = Provider(name="litellm", base_url="http://l/v1")
    assert list(presenting.record(row).items()) == [
        ("name", "litellm"),
        ("kind", "open-a-i-compatible"),
        ("base_url", "http://l/v1"),
        ("models", []),
        ("has_encrypted_api_key", False),
        ("enabled", True),
    ]


def test_everything_but_the_secrets() -> None:
    row = Provider(
        name="p", kind="anthropic", base_url="http://p", default_model="m", model_names=["m"], api_key_env="V",
        encrypted_api_key="CANARY", encrypted_headers="CANARY", header_names=["x-a"], priority=1,
        responses="native", is_enabled=False, idle_timeout_seconds=5.0,
    )  # fmt: skip
    shown = presenting.record(row)
    assert "CANARY" not in str(shown)
    assert list(shown)[:8] == list(presenting.reference_record(row))
    assert (shown["kind"], shown["headers"], shown["has_encrypted_api_key"]) == ("anthropic", ["x-a"], True)
    assert (shown["priority"], shown["responses"], shown["idle_timeout_seconds"]) == (1, "native", 5.0)


def test_a_route() -> None:
    row = Route(model="m", provider="p", fallbacks=[{"provider": "q", "model": ""}])
    assert presenting.route(row) == {
        "model": "m", "provider": "p", "upstream_model": None, "priority": 100,
        "fallbacks": [{"provider": "q", "model": ""}], "listed": True, "display_name": None,
    }  # fmt: skip
