"""The page of groups."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.principals import SOMEBODY
from tests.sign_ins import person
from tokens.groups import services as groups

pytestmark = pytest.mark.django_db
P: dict[str, Any] = {"principal": SOMEBODY}


def test_groups_are_shown_to_who_sees_people(admin_client: Client, client: Client) -> None:
    path = "/console/people/groups/"
    assert "No group yet" in admin_client.get(path).content.decode()
    groups.create("dev & co", **P)
    person("ann@example.org", groups=["dev & co"])
    shown = admin_client.get(path).content.decode()
    assert 'data-test="group" data-name="dev &amp; co"' in shown and "ann@example.org" in shown
    assert "/console/usage/?group=dev%20%26%20co&amp;by=person" in shown
    assert f'href="{path}"' in admin_client.get("/console/people/").content.decode()
    assert admin_client.get(f"{path}?q=x").status_code == 400
    assert client.get(path).status_code == 302
