"""`/console/requests/` and one call."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gateway.exchange.exchange import Refusal, Try
from gateway.models import AuditRow
from gateway.usage.requestlog import rows as requestlog
from gateway.usage.requestlog.taps import Entry
from tests.gateway.console.pages.people import browser
from tests.gateway.usage.requests.making import call

pytestmark = pytest.mark.django_db
EVIL = "<script>alert(1)</script>\"'><img src=x>"


def ids(page: str) -> list[str]:
    return re.findall(r'data-test="call" data-id="([^"]+)"', page)


def test_filters_are_those_of_the_api_and_stay_in_the_form() -> None:
    ok, failed = call(), call(status=500, person="ann@example.org")
    client = browser()
    assert ids(client.get("/console/requests/").content.decode()) == [failed, ok]
    page = client.get("/console/requests/?status=failed&person=ann%40example.org&token=").content.decode()
    assert ids(page) == [failed]
    assert 'name="person" value="ann@example.org"' in page and "<option selected>failed</option>" in page
    assert client.get("/console/requests/?status=x").status_code == 400


def test_pages_lead_on_and_back() -> None:
    wanted = [call() for _ in range(53)][::-1]
    client = browser()
    first = client.get("/console/requests/?surface=messages").content.decode()
    older = re.search(r'href="([^"]+)" rel="next"', first)
    assert older is not None and ids(first) == wanted[:50]
    second = client.get(older[1].replace("&amp;", "&")).content.decode()
    assert ids(second) == wanted[50:] and 'href="/console/requests/?surface=messages">Newest' in second


def test_one_call_taken_apart() -> None:
    tries = (
        Try("anthropic", "a", 529, "overloaded_error: busy", 0.5),
        Try("anthropic", "b", 200, "served", 1.0),
    )
    own = call(tries=tries, upstream_refusal=Refusal("overloaded_error", "busy"), attempts=2)
    page = browser().get(f"/console/requests/{own}/").content.decode()
    for hook in ("call-panel", "explain", "upstream-error", "tried"):
        assert f'data-test="{hook}"' in page
    assert "so the next was tried" in page


def test_words_of_strangers_are_no_markup() -> None:
    own = call(
        token_label=EVIL, model_asked=EVIL, model_served=EVIL, upstream_refusal=Refusal(EVIL, EVIL), status=400,
        failure_message=EVIL, tries=(Try(EVIL, EVIL, 400, EVIL, 0.1),), person=EVIL, group=EVIL, path=EVIL, peer=EVIL,
    )  # fmt: skip
    client = browser()
    for url in (
        "/console/requests/",
        f"/console/requests/{own}/",
        "/console/usage/?by=person,token,model&month=2026-09",
    ):
        page = client.get(url).content.decode()
        assert "<script>" not in page and "<img" not in page


def test_what_was_kept_is_shown_to_admins_who_ask_for_it() -> None:
    own = call(token_id="t1")
    requestlog.write([(own, Entry(b"a <b>prompt</b>", bytearray(b"an answer")))], 1000)
    here = f"/console/requests/{own}/"
    admin, viewer = browser(), browser("viewer")
    assert 'data-test="show-log"' not in viewer.get(here).content.decode()
    assert viewer.get(f"{here}?log=show").status_code == 403
    page = admin.get(here).content.decode()
    assert 'data-test="show-log"' in page and "prompt" not in page
    assert not AuditRow.objects.filter(action="log.read").exists()
    page = admin.get(f"{here}?log=show").content.decode()
    assert "a &lt;b&gt;prompt&lt;/b&gt;" in page and "an answer" in page
    assert AuditRow.objects.get(action="log.read").subject == "token:t1"
    assert admin.get(f"{here}?log=x").status_code == 400


def test_a_call_with_what_was_kept_takes_few_queries(django_assert_max_num_queries: Any) -> None:
    own = call(token_id="t1")
    requestlog.write([(own, Entry(b"a prompt"))], 1000)
    client = browser()
    client.get("/console/requests/")
    with django_assert_max_num_queries(12):
        assert client.get(f"/console/requests/{own}/").status_code == 200
