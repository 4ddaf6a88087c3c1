"""Who is let into the pages, and what the pages say to those who are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from gateway.console.pages.base import NAVIGATION
from tests.gateway.console.pages.people import browser, serve

pytestmark = pytest.mark.django_db
PAGES = tuple(url for _, _, url, _ in NAVIGATION)
NAMES = tuple(name for name, *_ in NAVIGATION)
FOR_ADMINS = {"audit", "settings"} & set(NAMES)


@pytest.fixture(autouse=True)
def nothing_of_this_machine(options: Any, tmp_path: Path) -> None:
    options(DATA_DIR=tmp_path, CLAUDE_CODE_HOME=str(tmp_path / "none"))


def links(client: Client) -> set[str]:
    page = client.get("/console/usage/").content.decode()
    return {name for name, *_ in NAVIGATION if f'data-test="nav-{name}"' in page}


@pytest.mark.parametrize("url", PAGES)
def test_nobody_is_led_to_the_login_and_back(client: Client, url: str) -> None:
    answer = client.get(f"{url}?x=1", headers={"Host": "localhost"})
    assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={url}%3Fx%3D1")
    from_afar = client.get(url, REMOTE_ADDR="192.0.2.1")
    assert from_afar["Location"] == f"/admin/login/?next={url}"


@pytest.mark.parametrize("url", PAGES)
def test_each_role_sees_its_pages(url: str) -> None:
    seen = {role: browser(role).get(url).status_code for role in ("viewer", "operator", "admin", None)}
    lower = 403 if url.split("/")[2] in FOR_ADMINS else 200
    assert seen == {"viewer": lower, "operator": lower, "admin": 200, None: 403}
    assert browser("developer", is_staff=False).get(url).status_code == 403


def test_no_page_leads_where_its_reader_may_not_go() -> None:
    assert links(browser("admin")) == set(NAMES)
    assert links(browser("viewer")) == set(NAMES) - FOR_ADMINS


@pytest.mark.parametrize("url", PAGES)
def test_every_page_has_the_policy_and_nothing_in_itself(url: str) -> None:
    answer = browser().get(url)
    policy, page = answer["Content-Security-Policy"], answer.content.decode()
    assert "unsafe" not in policy and "script-src 'self'" in policy
    assert (answer["X-Frame-Options"], answer["Cache-Control"]) == ("DENY", "no-store")
    for inline in ("<style", " style=", "<script>", " onclick", "javascript:"):
        assert inline not in page
    assert page.count("<h1>") == 1 and 'lang="en"' in page


@pytest.mark.parametrize("url", PAGES)
def test_a_page_takes_few_queries(url: str, django_assert_max_num_queries: Any) -> None:
    serve()
    client = browser()
    client.get(url)
    with django_assert_max_num_queries(12):
        assert client.get(url).status_code == 200


@pytest.mark.parametrize("url", PAGES)
def test_an_unknown_parameter_is_named(url: str) -> None:
    answer = browser().get(f"{url}?colour=red")
    assert answer.status_code == 400 and b"colour: unknown parameter" in answer.content


def test_there_is_no_other_method_and_no_other_page() -> None:
    client = browser()
    assert client.post("/console/usage/").status_code == 405
    assert client.get("/console/requests/x/").status_code == 404
