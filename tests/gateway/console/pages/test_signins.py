"""`/console/signins/`."""

from __future__ import annotations

import re

import pytest

from gateway.models import AuditRow
from tests.gateway.console.pages.people import browser
from tests.sign_ins import person, sign_in
from tokens.signin.models import SignIn

pytestmark = pytest.mark.django_db
PATH = "/console/signins/"


def ids(page: bytes) -> list[str]:
    return re.findall(r'data-test="record" data-id="([^"]+)"', page.decode())


@pytest.mark.parametrize(
    ("role", "may"), [("viewer", False), ("operator", False), ("admin", True), (None, False)]
)
def test_admins_end_sign_ins(role: str | None, may: bool) -> None:
    row = sign_in(person()).sign_in
    client = browser(role)
    if role is not None:
        assert (b'data-test="end"' in client.get(PATH).content) is may
    assert client.post(f"{PATH}{row.pk}/end/").status_code == (302 if may else 403)
    assert (SignIn.objects.get().revoked_at is not None) is may
    assert AuditRow.objects.filter(action="signin.revoke", via="console").count() == may


def test_they_are_found_by_person_and_state() -> None:
    ann, bob = sign_in(person()).sign_in, sign_in(person("bob@example.org")).sign_in
    SignIn.objects.filter(pk=bob.pk).update(revoked_at=1)
    client = browser("viewer")
    page = client.get(f"{PATH}?q=ANN%40").content
    assert ids(page) == [str(ann.pk)] and b"/console/requests/?token=" in page
    assert ids(client.get(f"{PATH}?state=over").content) == [str(bob.pk)]
    assert ids(client.get(f"{PATH}?state=running").content) == [str(ann.pk)]
    for query in ("state=x", "after=x", "after=1.x"):
        assert client.get(f"{PATH}?{query}").status_code == 400


def test_pages_lead_on() -> None:
    who = person()
    for _ in range(51):
        sign_in(who)
    client = browser("viewer")
    page = client.get(PATH).content.decode()
    older = re.search(r'href="([^"]*)" rel="next"', page)
    assert older is not None
    first, second = ids(page.encode()), ids(client.get(older[1].replace("&amp;", "&")).content)
    assert (len(first), len(second), len({*first, *second})) == (50, 1, 51)


def test_what_is_over_or_not_there_is_told() -> None:
    row = sign_in(person()).sign_in
    client = browser()
    client.post(f"{PATH}{row.pk}/end/")
    assert b"It was over already." in client.post(f"{PATH}{row.pk}/end/", follow=True).content
    assert client.post(f"{PATH}0190f0f0-0000-7000-8000-000000000000/end/").status_code == 404
    assert client.get(f"{PATH}{row.pk}/end/").status_code == 405
