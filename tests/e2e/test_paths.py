"""Paths and who answers them, and that no spelling of one leaves the configured host."""

from __future__ import annotations

import pytest

from tests.e2e.calls import ASK
from tests.fakes import vendor as v
from tests.fakes.server import FakeServer
from tests.harness import ADMIN_KEY
from tests.rawhttp import RawClient

SURFACES = [
    ("POST", "/v1/messages"),
    ("POST", "/v1/messages/count_tokens"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/claude-opus-5-5"),
]
QUERIES = ["", "?beta=true", "?a=%20b&c=%2F+d&e=%zz", "?x='a'&y=[1]&z={2}|", "?", "?a=1?b=2", "?%2e%2e/=//"]


@pytest.mark.parametrize("query", QUERIES)
def test_the_query_travels_as_it_is(entry_point, vendor, query):
    vendor.say(v.json_answer({}))
    assert entry_point.messages(ASK, query=query).status == 200
    assert vendor.last.target in (
        b"/v1/messages" + query.encode(),
        b"/v1/messages" + query.encode().rstrip(b"?"),
    )


@pytest.mark.parametrize(("method", "path"), SURFACES)
def test_surfaces_and_the_legacy_prefix(entry_point, vendor, method, path):
    body = ASK if method == "POST" else None
    for asked in (
        path,
        f"/api/latest/anthropic{path}",
        f"{path}?limit=1000",
        f"/api/latest/anthropic{path}?x=1",
    ):
        vendor.reset()
        answer = entry_point.ask(method, asked, entry_point.call_headers(), body)
        assert answer.status == 200, (asked, answer)
        assert not answer.all("location")
        if vendor.seen:  # models may be answered from what we know
            assert vendor.last.path == path.encode()
            assert vendor.last.method == method


def test_models_have_the_vendors_shape(entry_point):
    page = entry_point.ask("GET", "/v1/models?limit=1000", entry_point.call_headers()).json()
    assert page["data"]
    assert all({"id", "display_name"} <= set(model) for model in page["data"])
    assert {"has_more", "first_id", "last_id"} <= set(page)
    x_api_key = [("x-api-key", entry_point.token.secret), ("anthropic-version", "2023-06-01")]
    assert entry_point.ask("GET", "/v1/models?limit=1000", x_api_key).status == 200


def test_head_of_models_is_the_head_of_get(entry_point, vendor):
    for path in ("/v1/models?limit=1000", "/v1/models/claude-opus-5-5"):
        for headers in ([entry_point.token.bearer], [("x-api-key", entry_point.token.secret)]):
            seen = len(vendor.seen)
            with RawClient(entry_point.port) as client:
                head = client.ask("HEAD", path, headers).response("HEAD")
                after = client.ask("GET", path, headers).response()  # no stray body lies in between
            assert (head.status, head.body, after.status) == (200, b"", 200)
            assert head.get("content-type") == after.get("content-type")
            assert head.get("content-length") in (None, str(len(after.body)))
            assert {asked.method for asked in vendor.seen[seen:]} <= {"GET"}
    with RawClient(entry_point.port) as client:
        assert client.ask("HEAD", "/v1/models").response("HEAD").status == 401


HOSTILE = [
    "/v1/../v1/messages",
    "/v1/./messages",
    "/v1/%2e%2e/messages",
    "/v1/.%2E/x",
    "/%2e%2e/v1/messages",
    "/v1/files/../../x",
    "/v1/files/%2e%2e/%2e%2e/v1/organizations",
    "/v1/files/..%2f..%2fx",
    "/v1/files/..%5c..%5cx",
    "/v1/files/a\\..\\b",
    "/v1/files//evil.test/x",
    "//evil.test/v1/messages",
    "//v1/messages",
    "/v1//messages",
    "/v1\\messages",
    "/\\evil.test/v1/messages",
    "/@evil.test/v1/messages",
    "/api/latest/anthropic@{other}/v1/messages",
    "/api/latest/anthropic:{port}/v1/messages",
    "/api/latest/anthropic.evil.test/v1/messages",
    "/api/latest/anthropicX/v1/messages",
    "/api/latest/anthropic//{other}/v1/messages",
    "/api/latest/anthropic/@{other}/v1/messages",
    "/api/latest/anthropic/../../v1/messages",
    "/api/latest/anthropic/http://{other}/v1/messages",
    "/api/latest/anthropic/api/latest/anthropic/v1/messages",
    "/%76%31/messages",
    "/v1/messages/",
    "/v1/Messages",
    "/V1/messages",
    "/v1/messages%00",
    "/v1/messages%3Fx",
    "/v1/messages;x=1",
    "/v1/models/../organizations",
    "/v1/models/%2e%2e%2forganizations",
    "/v1/models/a/b",
    "/v1/organizations",
    "/v1/organizations/x/api_keys",
    "/v1/messages/batchesX/../../organizations",
    "/v1",
    "/x",
]


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_hostile_paths_reach_nobody(entry_point, vendor, method):
    with FakeServer() as other:
        for pattern in HOSTILE:
            target = pattern.replace("{other}", f"127.0.0.1:{other.port}").replace("{port}", str(other.port))
            answer = entry_point.ask(
                method, target, entry_point.call_headers(), ASK if method == "POST" else None
            )
            assert answer.status in (400, 404, 405), (target, answer)
            assert other.accepted == 0, target
            # a model that is not known is looked up in the list, whose path is ours
            assert {seen.target for seen in vendor.seen} <= {b"/v1/models?limit=1000"}, target


def test_a_path_that_must_be_decoded_to_be_known_is_unknown(entry_point, vendor):
    admin = [("authorization", f"Bearer {ADMIN_KEY}")]
    for path in (
        "/v1%2Fmessages", "/v1/%6dessages", "/v1%2fmodels", "/v1/chat%2Fcompletions", "/api/tokens%2Flist",
        "/api/%74okens/list", "/metric%73", "/%68ealth", "/admin%2F", "/%61dmin/login/", "/actor%2Fcode",
    ):  # fmt: skip
        for method in ("GET", "POST"):
            body = ASK if method == "POST" else None
            stranger = entry_point.ask(method, path, [], body)
            known = entry_point.ask(method, path, entry_point.call_headers(), body)
            operator = entry_point.ask(method, path, admin, body)
            assert (stranger.status, known.status, operator.status) == (401, 404, 401), (method, path)
    assert not vendor.seen
    assert entry_point.ask("GET", "/api/tokens/list?label=%61", admin).status == 200
    assert (
        entry_point.ask("GET", "/api/providers/a%20b%C3%A4", admin).status == 404
    )  # looked for, and not there


def test_a_name_with_a_slash_may_be_quoted_whole(entry_point):
    admin = [("authorization", f"Bearer {ADMIN_KEY}")]
    assert entry_point.admin("POST", "/api/groups", {"name": "team/a"}).status == 200
    for path in ("/api/groups/team/a", "/api/groups/team%2Fa", "/api/groups/team%2fa"):
        assert entry_point.ask("GET", path, admin).json()["name"] == "team/a"
    assert entry_point.ask("GET", "/api/policies/team%2Fa", admin).error[:2] == (404, "not_found_error")
    assert entry_point.ask("GET", "/api/routes/openai%2Fgpt", admin).error[:2] == (404, "not_found_error")
    for path in ("/api%2Fgroups/team/a", "/api/groups%2Fteam/a", "/api/groups/t%65am/a"):
        assert entry_point.ask("GET", path, admin).status == 401
    assert entry_point.admin("DELETE", "/api/groups/team%2Fa").status == 200


@pytest.mark.parametrize(
    "target", ["http://{other}/v1/messages", "http://user@{other}/v1/messages", "https://{other}/v1/messages"]
)
def test_absolute_form_never_leads_elsewhere(entry_point, vendor, target):
    with FakeServer() as other:
        asked = target.replace("{other}", f"127.0.0.1:{other.port}")
        answer = entry_point.ask("POST", asked, entry_point.call_headers(), ASK)
        assert answer.status in (200, 400, 404)
        assert other.accepted == 0
        assert answer.status != 200 or vendor.last.target == b"/v1/messages"


@pytest.mark.parametrize(
    "target", [b"v1/messages", b"*", b"/v1/messages#x", "/v1/é".encode(), b"/v1/\xff", b"/a\x01b"]
)
def test_malformed_targets_do_no_harm(gateway, vendor, target):
    with RawClient(gateway.port, timeout=5) as client:
        client.ask("POST", target, gateway.call_headers(), ASK)
        try:
            answer = client.response()
        except EOFError:
            answer = None
    assert answer is None or answer.status in (400, 404, 405) or vendor.last.target == b"/v1/messages"
    assert gateway.ask("GET", "/health").status == 200


EXTRA = [
    ("GET", "/v1/files?limit=5"),
    ("POST", "/v1/files"),
    ("DELETE", "/v1/files/file_1"),
    ("GET", "/v1/messages/batches/b1/results"),
    ("POST", "/v1/messages/batches"),
    ("GET", "/v1/skills"),
    ("GET", "/v1/files/a:b@c,d;e=f+g~h!"),
]


@pytest.mark.parametrize(("method", "path"), EXTRA)
def test_the_listed_extra_paths_pass_where_objects_are_everybodys(shared, vendor, method, path):
    process = shared("uvicorn", {"STORED_OBJECTS": "shared"})
    vendor.say(v.json_answer({"ok": 1}))
    answer = process.ask(method, path, process.call_headers(), b"{}" if method == "POST" else None)
    assert (answer.status, answer.json()) == (200, {"ok": 1})
    assert (vendor.last.method, vendor.last.target) == (method, path.encode())


class TestWhoMay:
    """fixed.md: an unknown path is 401 without a token, 404 with one; a wrong method 405."""

    def test_unknown_paths(self, entry_point, vendor):
        for path in ("/x", "/v1/complete", "/v1/organizations", "/api/latest/anthropicX"):
            assert entry_point.ask("GET", path).error[:2] == (401, "authentication_error")
            assert entry_point.ask("GET", path, [entry_point.token.bearer]).error[:2] == (
                404,
                "not_found_error",
            )
        assert vendor.seen == []

    @pytest.mark.parametrize(
        "path", ["/v1/messages", "/v1/messages/count_tokens", "/api/latest/anthropic/v1/messages"]
    )
    def test_wrong_methods(self, entry_point, vendor, path):
        for headers in ([], [entry_point.token.bearer]):
            answer = entry_point.ask("GET", path, headers)
            assert answer.status == 405
            assert "POST" in (answer.get("allow") or "")
        assert vendor.seen == []

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("HEAD", "/"),
            ("HEAD", "/api/hello"),
            ("POST", "/api/event_logging/batch"),
            ("POST", "/api/event_logging/v2/batch"),
            ("GET", "/health"),
            ("HEAD", "/health"),
            ("GET", "/health/ready"),
        ],
    )
    def test_answered_here_without_a_token(self, entry_point, vendor, method, path):
        body = b'{"events":[{"secret":"CANARY-telemetry"}]}' if method == "POST" else None
        assert entry_point.ask(method, path, [("content-type", "application/json")], body).status in (
            200,
            204,
        )
        assert vendor.seen == []

    def test_health_says_ok(self, entry_point):
        answer = entry_point.ask("GET", "/health")
        assert (answer.status, answer.body) == (200, b"ok")
        assert answer.get("content-type") == "text/plain; charset=utf-8"

    @pytest.mark.parametrize("path", ["/metrics", "/v1/usage", "/v1/accounts", "/api/tokens/list"])
    def test_management_is_closed_to_clients(self, entry_point, path):
        assert entry_point.ask("GET", path).status == 401
        assert entry_point.ask("GET", path, [entry_point.token.bearer]).status == 401
        assert entry_point.admin("GET", path).status == 200

    @pytest.mark.parametrize("path", ["/", "/v1/messages", "/x", "/api/tokens", "/admin/"])
    def test_answers_to_anthropic_clients_are_json(self, entry_point, path):
        answer = entry_point.ask("POST", path, [], ASK)
        if path != "/admin/":
            assert answer.get(
                "content-type",
            ).startswith("application/json"), answer
        assert answer.status in (302, 400, 401, 403, 404, 405)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health", 200),
        ("HEAD", "/", 200),
        ("POST", "/api/event_logging/batch", 200),
        ("GET", "/v1/models", 401),
        ("GET", "/nowhere", 401),
        ("GET", "/v1/messages", 405),
        ("GET", "/metrics", 401),
        ("GET", "/api/tokens/list", 401),
        ("DELETE", "/api/tokens/list", 405),
        ("GET", "/api/docs", 401),
        ("GET", "/favicon.ico", 200),
        ("GET", "/admin/login/", 200),
        ("GET", "/static/admin/css/base.css", 200),
        ("GET", "/admin/nowhere/", 302),
    ],
)
def test_every_answer_has_a_request_id(entry_point, method, path, status):
    answer = entry_point.ask(method, path)
    assert answer.status == status
    own_id = answer.get("x-gateway-request-id") or ""
    assert len(own_id) == 36
    assert f"Unauthorized: {path}" not in entry_point.log()  # anybody could fill it
