"""Rehearsing from the pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from accounts import services as accounts
from accounts.pool import live
from accounts.pool.pool import Pool
from gateway.console.pages.base import NAVIGATION
from gateway.kernel.parts import PARTS
from gateway.rehearsals import services
from gateway.rehearsals.models import Rehearsal
from tests.gateway.console.pages.people import browser
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db
FORM = {"account": "a-b", "fault": "529", "calls": "2", "seconds": "30"}


@pytest.fixture(autouse=True)
def one_account(options: Any, tmp_path: Path) -> None:
    options(DATA_DIR=tmp_path, CLAUDE_CODE_HOME=str(tmp_path / "none"))
    accounts.add({"name": "a-b", "source": "api_key", "secret": "key-of-a-b"}, principal=SOMEBODY)
    pool = Pool()
    pool.load()
    PARTS.put(live.POOL, pool)


def test_an_operator_starts_one_every_page_shows_it_and_she_ends_it() -> None:
    client = browser("operator")
    home = client.get("/console/").content.decode()
    assert (
        'href="/console/rehearse/?account=a-b" data-test="rehearse"' in home
        and 'data-test="rehearsal"' not in home
    )
    form = client.get("/console/rehearse/?account=a-b").content.decode()
    assert 'value="a-b"' in form and 'data-test="save"' in form
    answer = client.post("/console/rehearse/?account=a-b", FORM)
    assert (answer.status_code, answer["Location"]) == (302, "/console/")
    row = Rehearsal.objects.get()
    assert (row.account, row.fault, row.calls) == ("a-b", "529", 2)
    admin = browser()
    for _, _, url, _ in NAVIGATION:
        page = admin.get(url).content.decode()
        assert f'data-test="rehearsal" data-id="{row.pk}"' in page and "overloaded" in page, url
    assert client.post(f"/console/rehearsals/{row.pk}/end/").status_code == 302
    assert client.post(f"/console/rehearsals/{row.pk}/end/").status_code == 302
    assert not services.running() and 'data-test="rehearsal"' not in client.get("/console/").content.decode()


def test_a_provider_by_time_alone() -> None:
    client = browser()
    assert (
        'name="provider" value="anthropic"'
        in client.get("/console/rehearse/?provider=anthropic").content.decode()
    )
    client.post("/console/rehearse/", {"provider": "anthropic", "fault": "stall", "calls": "", "seconds": ""})
    row = Rehearsal.objects.get()
    assert (row.provider, row.left, (row.ends_at - row.started_at).total_seconds()) == ("anthropic", None, 60)


def test_viewers_see_it_and_press_nothing() -> None:
    row = services.start({"account": "a-b", "fault": "429"}, principal=SOMEBODY)
    client = browser("viewer")
    page = client.get("/console/").content.decode()
    assert 'data-test="rehearsal"' in page and 'data-test="end-rehearsal"' not in page
    assert 'data-test="rehearse"' not in page
    assert client.get("/console/rehearse/?account=a-b").status_code == 403
    assert client.post("/console/rehearse/", FORM).status_code == 403
    assert client.post(f"/console/rehearsals/{row.pk}/end/").status_code == 403
    assert services.running() == [row]


def test_what_can_not_be_taken() -> None:
    client = browser("operator")
    for changed in ({"calls": "x"}, {"seconds": "601"}, {"fault": "teapot"}):
        answer = client.post("/console/rehearse/", {**FORM, **changed})
        assert answer.status_code == 400 and next(iter(changed)) in answer.content.decode()
    assert client.post("/console/rehearse/", {**FORM, "account": "nobody"}).status_code == 404
    assert client.get("/console/rehearse/?colour=red").status_code == 400
