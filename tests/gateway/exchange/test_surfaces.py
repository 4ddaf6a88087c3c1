"""The table of surfaces: what matches, byte for byte, and what never does."""

import pytest

from gateway.exchange.surfaces import SURFACES, UNKNOWN, UNKNOWN_OPENAI, Match, Table, WrongMethod, unknown

TABLE = Table(SURFACES, ("/v1/messages/batches*", "/v1/files*"))


@pytest.mark.parametrize(
    ("method", "path", "name", "inner"),
    [
        ("POST", b"/v1/messages", "messages", b"/v1/messages"),
        ("POST", b"/v1/messages/count_tokens", "count_tokens", b"/v1/messages/count_tokens"),
        ("GET", b"/v1/models", "models", b"/v1/models"),
        ("HEAD", b"/v1/models", "models", b"/v1/models"),
        ("GET", b"/v1/models/claude-sonnet-5", "model", b"/v1/models/claude-sonnet-5"),
        ("GET", b"/v1/models/openai/gpt-5.1", "model", b"/v1/models/openai/gpt-5.1"),
        ("GET", b"/v1/models/openai%2Fgpt-5.1", "model", b"/v1/models/openai%2Fgpt-5.1"),
        ("POST", b"/api/latest/anthropic/v1/messages", "messages", b"/v1/messages"),
        ("HEAD", b"/", "hello", b"/"),
        ("HEAD", b"/api/hello", "api_hello", b"/api/hello"),
        ("POST", b"/api/event_logging/v2/batch", "event_logging", b"/api/event_logging/v2/batch"),
        ("GET", b"/health", "health", b"/health"),
        ("DELETE", b"/v1/files/file_1", "extra", b"/v1/files/file_1"),
        ("POST", b"/v1/messages/batches", "extra", b"/v1/messages/batches"),
    ],
)
def test_a_path_finds_its_row(method: str, path: bytes, name: str, inner: bytes) -> None:
    match = TABLE.match(method, path)
    assert match is not None
    assert (match.surface.name, match.path) == (name, inner)


@pytest.mark.parametrize(
    "path",
    [
        b"/v1/messages/",
        b"/V1/messages",
        b"//v1/messages",
        b"/%76%31/messages",
        b"/api/latest/anthropicX",
        b"/api/latest/anthropic",
        b"/api/latest/anthropic.evil.example/v1/messages",
        b"/api/latest/anthropic@127.0.0.1:9/v1/messages",
        b"/api/latest/anthropic:9/v1/messages",
        b"/api/latest/anthropic//v1/messages",
        b"/v1/organizations",
        b"/v1/files/../organizations",
        b"/v1/files/%2e%2e/organizations",
        b"/v1/files/.%2E/organizations",
        b"/v1/files%2f..%2forganizations",
        b"/v1/files\\..\\organizations",
        b"/v1/files/a//b",
        b"http://evil.example/v1/messages",
        b"*",
        b"",
    ],
)
def test_a_path_that_only_looks_like_one_is_unknown(path: bytes) -> None:
    assert TABLE.match("POST", path) is None
    assert TABLE.match("GET", path) is None


@pytest.mark.parametrize(
    "name", ["batches", "vector_stores/vs_1", "fine_tuning/jobs", "threads/t", "uploads", "responses/x/y"]
)
def test_below_openai_s_paths_errors_are_openai_s(name: str) -> None:
    path = b"/v1/" + name.encode()
    assert unknown(path, ()) == Match(UNKNOWN_OPENAI, path)


def test_elsewhere_they_are_the_caller_s() -> None:
    agent = (b"user-agent", b"OpenAI/Python 2.1.0")
    assert unknown(b"/v1/nothing", (agent,)).surface is UNKNOWN_OPENAI
    assert unknown(b"/v1/nothing", (agent, (b"anthropic-version", b"2023-06-01"))).surface is UNKNOWN
    assert unknown(b"/v1/nothing", ()).surface is UNKNOWN


def test_a_known_path_with_another_method_names_the_allowed_ones() -> None:
    with pytest.raises(WrongMethod) as wrong:
        TABLE.match("GET", b"/v1/messages")
    assert wrong.value.allowed == ("POST",)
    with pytest.raises(WrongMethod) as wrong:
        TABLE.match("OPTIONS", b"/health")
    assert wrong.value.allowed == ("GET", "HEAD")


def test_without_extra_paths_nothing_beside_the_surfaces_matches() -> None:
    assert Table(SURFACES).match("GET", b"/v1/files/file_1") is None
