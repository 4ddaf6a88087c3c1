"""Probes of a fake upstream, over a socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from accounts import services
from accounts.doctor import doctor_lines
from accounts.errors import BadAccount, UnknownAccount
from accounts.probing import probe
from providers.models import Provider
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db(transaction=True)


class Upstream:
    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.status = 200
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                upstream.seen.append((self.path, {key.lower(): value for key, value in self.headers.items()}))
                error = {
                    "type": "error",
                    "error": {"type": "authentication_error", "message": "invalid x-api-key"},
                }
                data = json.dumps({"data": []} if upstream.status == 200 else error).encode()
                self.send_response(upstream.status)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                """Log nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def upstream(options: Any) -> Iterator[Upstream]:
    one = Upstream()
    thread = threading.Thread(target=one.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    options(UPSTREAM_BASE_URL=f"http://127.0.0.1:{one.server.server_port}/")
    yield one
    one.server.shutdown()
    thread.join()
    one.server.server_close()


def test_a_good_key(upstream: Upstream) -> None:
    services.add({"name": "one", "source": "api_key", "secret": "sk-ant-api03-k"}, principal=SOMEBODY)
    result = probe("one", principal=SOMEBODY)
    assert (result.is_ok, result.status, result.message) == (True, 200, "ok")
    ((path, headers),) = upstream.seen
    assert path == "/v1/models?limit=1"
    assert (headers["x-api-key"], headers["anthropic-version"]) == ("sk-ant-api03-k", "2023-06-01")
    assert "user-agent" not in headers and "authorization" not in headers


def test_a_refused_key_and_no_answer(upstream: Upstream, options: Any) -> None:
    services.add({"name": "one", "source": "api_key", "secret": "sk-ant-api03-k"}, principal=SOMEBODY)
    upstream.status = 401
    result = probe("one", principal=SOMEBODY)
    assert (result.is_ok, result.status) == (False, 401) and "invalid x-api-key" in result.message
    finding = doctor_lines(online=True)[-1]
    assert finding.is_problem and finding.label == "online one" and finding.text.startswith("401, ")
    options(UPSTREAM_BASE_URL="http://127.0.0.1:9")
    assert probe("one", principal=SOMEBODY).status is None and not probe("one", principal=SOMEBODY).is_ok


def test_what_cannot_be_asked(upstream: Upstream) -> None:
    services.add({"name": "gone", "source": "environment", "location": "NOT_SET_API_KEY"}, principal=SOMEBODY)
    assert probe("gone", principal=SOMEBODY).message == "NOT_SET_API_KEY is not set" and upstream.seen == []
    services.add(
        {"name": "other", "source": "api_key", "secret": "k", "provider": "unheard-of"}, principal=SOMEBODY
    )
    with pytest.raises(BadAccount):
        probe("other", principal=SOMEBODY)
    with pytest.raises(UnknownAccount):
        probe("nobody", principal=SOMEBODY)


def test_an_account_of_an_openai_compatible_provider(upstream: Upstream, settings: Any) -> None:
    url = f"http://127.0.0.1:{upstream.server.server_port}/v1"
    Provider.objects.create(name="litellm", kind="openai-compatible", base_url=url)
    services.add(
        {"name": "one", "source": "api_key", "secret": "sk-k", "provider": "litellm"}, principal=SOMEBODY
    )
    assert probe("one", principal=SOMEBODY).is_ok
    ((path, headers),) = upstream.seen
    assert (path, headers["authorization"]) == ("/v1/models?limit=1", "Bearer sk-k")
