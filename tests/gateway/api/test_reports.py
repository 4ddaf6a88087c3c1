from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern

from gateway.access import guards
from gateway.api import reports

KEY = "an-admin-key-of-32-letters-or-more"
KEYS = [
    "requests_total",
    "errors_total",
    "bytes_in",
    "bytes_out",
    "openai_chat_completions",
    "openai_responses",
    "anthropic_messages",
    "tokens_issued",
    "tokens_revoked",
    "status_counts",
    "account_calls",
]


@pytest.fixture(autouse=True)
def _closed(options) -> Iterator[None]:
    options(TOKEN_ADMIN_KEY=KEY)
    guards.gate.cache_clear()
    yield
    guards.gate.cache_clear()


def get(client: Client, path: str, key: str = KEY):
    return client.get(path, headers={"authorization": f"Bearer {key}"})


def test_metrics_has_the_references_type_and_begins_with_its_families(client: Client):
    answer = get(client, "/metrics")
    assert answer.status_code == 200
    assert answer["content-type"] == "text/plain; version=0.0.4"
    assert answer.content.startswith(
        b"# TYPE link_assistant_requests_total counter\nlink_assistant_requests_total "
    )
    assert answer.content.endswith(b"\n")


def test_usage_has_the_references_keys_in_its_order(client: Client):
    answer = get(client, "/v1/usage")
    assert (answer.status_code, answer["content-type"]) == (200, "application/json")
    assert list(json.loads(answer.content)) == KEYS


def test_accounts_are_shown(client: Client):
    assert isinstance(json.loads(get(client, "/v1/accounts").content)["accounts"], list)


@pytest.mark.parametrize("path", ["/metrics", "/v1/usage", "/v1/accounts"])
def test_they_are_for_administrators(client: Client, path: str):
    assert client.get(path).status_code == 401
    assert get(client, path, "a-wrong-key-of-32-letters-or-more").status_code == 401


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/metrics", "/v1/usage", "/v1/accounts"])
def test_staff_may_look_and_nobody_may_post(admin_client: Client, path: str):
    assert admin_client.get(path).status_code == 200
    assert admin_client.head(path).status_code == 200
    refused = admin_client.post(path, headers={"authorization": f"Bearer {KEY}"})
    assert refused.status_code in (403, 405)


def named(patterns: list[URLPattern]) -> dict[str, URLPattern]:
    return {str(pattern.pattern): pattern for pattern in patterns}


def test_switches(options):
    assert set(named(reports.urls())) == {"metrics", "v1/usage", "v1/accounts"}
    assert named(reports.urls())["metrics"].callback is not reports.metrics
    options(METRICS_PUBLIC=True)
    assert named(reports.urls())["metrics"].callback is reports.metrics
    assert named(reports.urls())["v1/usage"].callback is not reports.usage
    options(DISABLE_METRICS=True)
    assert reports.urls() == []
