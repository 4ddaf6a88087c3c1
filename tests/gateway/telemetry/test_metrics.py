from __future__ import annotations

import json
import timeit

from prometheus_client.parser import text_string_to_metric_families

from gateway.exchange.exchange import Exchange
from gateway.exchange.surfaces import SURFACES, Action
from gateway.telemetry.counters import Counts
from gateway.telemetry.metrics import FAMILIES, Metrics
from providers.dialects.types import FailureKind, Usage

AT_START = (
    "# TYPE link_assistant_requests_total counter\nlink_assistant_requests_total 0\n"
    "# TYPE link_assistant_errors_total counter\nlink_assistant_errors_total 0\n"
    "# TYPE link_assistant_bytes_in_total counter\nlink_assistant_bytes_in_total 0\n"
    "# TYPE link_assistant_bytes_out_total counter\nlink_assistant_bytes_out_total 0\n"
    "# TYPE link_assistant_openai_chat_completions_total counter\nlink_assistant_openai_chat_completions_total 0\n"
    "# TYPE link_assistant_openai_responses_total counter\nlink_assistant_openai_responses_total 0\n"
    "# TYPE link_assistant_anthropic_messages_total counter\nlink_assistant_anthropic_messages_total 0\n"
    "# TYPE link_assistant_tokens_issued_total counter\nlink_assistant_tokens_issued_total 0\n"
    "# TYPE link_assistant_tokens_revoked_total counter\nlink_assistant_tokens_revoked_total 0\n"
    "# TYPE link_assistant_status_total counter\n# TYPE link_assistant_account_calls_total counter\n"
)


def call(surface: str = "messages", status: int = 200, **values: object) -> Exchange:
    return Exchange("id", 1.0, surface=surface, status=status, **values)  # type: ignore[arg-type]


def samples(metrics: Metrics) -> dict[str, float]:
    """Return every sample, as `name{label=value,…}` sorted."""
    found = {}
    for family in text_string_to_metric_families(metrics.metrics_text().decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def test_the_text_at_start_is_the_references():
    assert Metrics().metrics_text().decode().startswith(AT_START)


def test_usage_at_start_is_the_references():
    assert Metrics().usage_view() == (
        b'{"requests_total":0,"errors_total":0,"bytes_in":0,"bytes_out":0,"openai_chat_completions":0,'
        b'"openai_responses":0,"anthropic_messages":0,"tokens_issued":0,"tokens_revoked":0,"status_counts":{},'
        b'"account_calls":{}}'
    )


def test_a_recorded_sequence_gives_the_recorded_numbers():
    """Count the reference's transcript up to its entry "usage 9"; pass-through calls without their bytes, as
    there.
    """
    metrics = Metrics()
    for exchange in (
        call("messages"),
        call("chat_completions", bytes_in=284, bytes_out=99),
        call("responses", bytes_in=284, bytes_out=99),
        call("chat_completions", is_stream=True),
        call("messages", is_stream=True),
        call("chat_completions", 500, bytes_in=81, bytes_out=99),
        call("chat_completions", 502, bytes_in=3, bytes_out=99),
        call("chat_completions", 502),
        call("chat_completions", 502),
    ):
        metrics.concluded(exchange)
    metrics.token_revoked()
    assert json.loads(metrics.usage_view()) == {
        "requests_total": 9,
        "errors_total": 4,
        "bytes_in": 652,
        "bytes_out": 396,
        "openai_chat_completions": 6,
        "openai_responses": 1,
        "anthropic_messages": 2,
        "tokens_issued": 0,
        "tokens_revoked": 1,
        "status_counts": {"200": 5, "500": 1, "502": 3},
        "account_calls": {},
    }
    text = metrics.metrics_text().decode()
    assert (
        "# TYPE link_assistant_status_total counter\n"
        'link_assistant_status_total{code="200"} 5\n'
        'link_assistant_status_total{code="500"} 1\n'
        'link_assistant_status_total{code="502"} 3\n'
        "# TYPE link_assistant_account_calls_total counter\n"
    ) in text


def test_statuses_are_sorted_as_numbers_and_accounts_as_text():
    metrics = Metrics()
    for status, account in ((500, "b"), (99, "a"), (200, "B")):
        metrics.concluded(call(status=status, account=account))
    view = json.loads(metrics.usage_view())
    assert list(view["status_counts"]) == ["99", "200", "500"]
    assert list(view["account_calls"]) == ["B", "a", "b"]


def test_every_relayed_surface_counts_in_its_apis_family():
    """What answers a prompt in an Anthropic envelope is Anthropic's; lists of models and embeddings are
    neither's.
    """
    counted = {row.name for row in SURFACES if row.action is Action.RELAY} | {"extra"}
    assert set(FAMILIES) == counted
    metrics = Metrics()
    for surface in ("bedrock", "vertex", "openai_forward", "models"):
        metrics.concluded(call(surface))
    view = json.loads(metrics.usage_view())
    assert (view["anthropic_messages"], view["openai_chat_completions"]) == (2, 0)


def test_a_label_can_not_break_the_text():
    metrics = Metrics()
    hostile = 'a"} 1\nb\\'
    metrics.concluded(call(account=hostile, provider=hostile, status=502, attempts=1))
    found = samples(metrics)
    assert found[f"link_assistant_account_calls_total{{account={hostile}}}"] == 1
    assert found[f"link_assistant_upstream_errors_total{{code=,kind=answered,provider={hostile}}}"] == 1


def test_our_own_refusals_are_counted_and_named():
    metrics = Metrics()
    metrics.concluded(call("", 401, is_refusal=True, failure_kind=FailureKind.AUTHENTICATION))
    metrics.concluded(call(status=499, attempts=1))
    metrics.concluded(call(status=529, provider="anthropic", attempts=1, upstream_status=529))
    found = samples(metrics)
    assert found["link_assistant_requests_total{}"] == 3
    assert found["link_assistant_errors_total{}"] == 3
    assert found["link_assistant_status_total{code=401}"] == 1
    assert found["link_assistant_refused_total{reason=authentication}"] == 1
    assert found["link_assistant_upstream_errors_total{code=529,kind=answered,provider=anthropic}"] == 1
    assert sum(value for name, value in found.items() if "upstream_errors" in name) == 1


def test_what_the_server_refuses_by_itself_is_counted():
    metrics = Metrics()
    for status in (413, 503, 400):
        metrics.count_early(status)
    found = samples(metrics)
    assert found["link_assistant_requests_total{}"] == found["link_assistant_errors_total{}"] == 3
    assert found["link_assistant_status_total{code=413}"] == 1
    assert found["link_assistant_refused_total{reason=unavailable}"] == 1
    assert found["link_assistant_in_flight{}"] == 0


def test_what_fails_at_the_upstream_is_the_upstreams():
    metrics = Metrics()
    refused = {"is_refusal": True, "failure_kind": FailureKind.UPSTREAM, "provider": "p", "attempts": 2}
    metrics.concluded(call(status=502, **refused))
    behind_a_200 = {
        "failure_kind": FailureKind.OVERLOADED,
        "provider": "p",
        "attempts": 1,
        "upstream_status": 200,
    }
    metrics.concluded(call(status=200, **behind_a_200))
    found = samples(metrics)
    assert found["link_assistant_errors_total{}"] == 1
    assert found["link_assistant_upstream_errors_total{code=,kind=upstream,provider=p}"] == 1
    assert found["link_assistant_upstream_errors_total{code=200,kind=overloaded,provider=p}"] == 1
    assert not [name for name in found if "refused_total{" in name]


def test_times_tokens_and_calls_in_flight():
    metrics = Metrics()
    metrics.counts.in_flight = 1
    metrics.concluded(
        call(
            first_byte_seconds=0.25, total_seconds=700.0, overhead_seconds=0.0004, usage=Usage(1, 2, 3, 4, 5)
        )
    )
    found = samples(metrics)
    assert found["link_assistant_in_flight{}"] == 1
    assert found["link_assistant_first_byte_seconds_bucket{le=0.1,surface=messages}"] == 0
    assert found["link_assistant_first_byte_seconds_bucket{le=0.25,surface=messages}"] == 1
    assert found["link_assistant_request_seconds_bucket{le=600.0,surface=messages}"] == 0
    assert found["link_assistant_request_seconds_bucket{le=+Inf,surface=messages}"] == 1
    assert found["link_assistant_request_seconds_sum{surface=messages}"] == 700.0
    assert found["link_assistant_overhead_seconds_bucket{le=0.0005}"] == 1
    kinds = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
    names = [f"link_assistant_model_tokens_total{{kind={kind},surface=messages}}" for kind in kinds]
    assert [found[name] for name in names] == [1, 2, 3, 4, 5]


def test_a_part_that_is_away_for_one_worker_shows():
    metrics = Metrics()
    metrics.refresh = lambda: setattr(metrics.counts, "tasks", 7)
    found = samples(metrics)
    assert found["link_assistant_asyncio_tasks{}"] == 7
    assert found["link_assistant_database_up{}"] == 1
    assert not [name for name in found if "redis" in name]  # none is used
    well = Counts(redis_users=1, tasks=5)
    ill = Counts(redis_users=1, redis_away=1, database_away=1, spooled_bytes=10, rows_dropped=2)
    for others, is_up in (([well, well], 1), ([well, ill, well], 0)):
        metrics.elsewhere = lambda others=others: others
        found = samples(metrics)
        assert found["link_assistant_redis_up{}"] == found["link_assistant_database_up{}"] == is_up
    assert found["link_assistant_asyncio_tasks{}"] == 7 + 10
    assert found["link_assistant_usage_spooled_bytes{}"] == 10
    assert found["link_assistant_usage_dropped_total{}"] == 2


def test_decisions_without_redis_are_counted():
    metrics = Metrics()
    metrics.counts.redis_users = 1
    metrics.decided_without_redis("refused")
    metrics.decided_without_redis("refused")
    found = samples(metrics)
    assert found["link_assistant_limits_without_redis_total{decision=refused}"] == 2
    assert found["link_assistant_limits_without_redis_total{decision=local}"] == 0  # seen before it happens


def test_django_and_python_speak_too():
    names = {name.split("{")[0] for name in samples(Metrics())}
    assert {"process_resident_memory_bytes", "link_assistant_build_info", "python_info"} <= names


def test_counting_stays_far_below_what_a_request_costs():
    metrics = Metrics()
    exchange = call(account="primary", first_byte_seconds=0.2, total_seconds=1.0, usage=Usage(1, 2, 3, 4, 5))
    best = min(timeit.repeat(lambda: metrics.concluded(exchange), number=2000, repeat=20)) / 2000
    assert best < 10e-6  # 1.2 µs on a quiet machine; the bound leaves room for a busy one


def test_payments_are_there_once_there_are_any() -> None:
    metrics = Metrics()
    assert b"link_assistant_payments" not in metrics.metrics_text()
    metrics.payment("test", "settled")
    metrics.payment("test", "settled")
    other = Counts()
    other.payments[("test", "settled")] = 1
    metrics.elsewhere = lambda: (other,)
    assert b'link_assistant_payments_total{event="settled",method="test"} 3.0' in metrics.metrics_text()
