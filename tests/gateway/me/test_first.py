"""`/setup/<secret>`: a form that uses nothing up, an admin who is logged in, and 404 for every other link."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from gateway.models import AuditRow
from tests.principals import SOMEBODY
from tokens.people import first
from tokens.people.models import SetupLink

pytestmark = pytest.mark.django_db
EMAIL, PASSWORD = "root@example.org", "a long pass phrase"


@pytest.fixture
def path() -> str:
    return f"/setup/{first.make_link(principal=SOMEBODY).secret}"


def test_the_form_uses_nothing_up_and_its_post_leads_to_the_console(client: Client, path: str) -> None:
    for _ in range(2):
        page = client.get(path)
        assert page.status_code == 200 and 'name="email"' in page.content.decode()
        assert page["Referrer-Policy"] == "no-referrer" and page["Cache-Control"] == "no-store"
    answer = client.post(path, {"email": EMAIL, "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/console/")
    assert client.get("/console/").status_code == 200
    assert client.get(path).status_code == 404 and Client().post(path, {}).status_code == 404
    rows = {row.action: row for row in AuditRow.objects.filter(subject__in=("setup:", f"person:{EMAIL}"))}
    assert rows["setup.done"].who_kind == "anonymous" and rows["login.ok"].who_name == EMAIL


@pytest.mark.parametrize(("email", "password"), [("nobody", PASSWORD), (EMAIL, "123456789012"), (EMAIL, "")])
def test_mistakes_are_told_and_the_link_lives_on(
    client: Client, path: str, email: str, password: str
) -> None:
    page = client.post(path, {"email": email, "password": password})
    assert page.status_code == 200 and 'data-test="error"' in page.content.decode()
    assert not User.objects.exists() and SetupLink.objects.exists()
    assert client.post(path, {"email": EMAIL, "password": PASSWORD}).status_code == 302


def test_another_link_and_a_form_of_another_site_do_nothing(client: Client, path: str, caplog: Any) -> None:
    secret = path.rpartition("/")[2]
    for wrong in ("/setup/x", path + "x", "/setup/" + "y" * 5_000):
        answer = client.get(wrong)
        assert answer.status_code == 404 and "router setup-link" in answer.content.decode()
    assert (
        Client(enforce_csrf_checks=True).post(path, {"email": EMAIL, "password": PASSWORD}).status_code == 403
    )
    assert not User.objects.exists() and client.get(path).status_code == 200
    assert secret not in caplog.text.replace(path, "")


def test_with_an_admin_there_is_no_set_up(client: Client, path: str) -> None:
    User.objects.create_superuser("root")
    assert client.get(path).status_code == 404
    assert client.post(path, {"email": EMAIL, "password": PASSWORD}).status_code == 404
    assert User.objects.count() == 1
