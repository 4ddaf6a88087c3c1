from __future__ import annotations

import pytest
from django.test import Client

from forgefed import services

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("model", ["actor", "follower", "activity"])
def test_rows_are_there_to_look_at_only(admin_client: Client, model: str):
    actor = services.service_actor()
    actor.followers.create(uri="https://f.example/<b>")
    page = admin_client.get(f"/admin/forgefed/{model}/")
    assert page.status_code == 200
    assert page.context["cl"].result_count == 1
    assert admin_client.get(f"/admin/forgefed/{model}/?q=nobody-of-that-name").context["cl"].result_count == 0
    assert b"<b>" not in page.content
    assert admin_client.get(f"/admin/forgefed/{model}/add/").status_code == 403
    assert admin_client.post(f"/admin/forgefed/{model}/1/delete/", {"post": "yes"}).status_code in (302, 403)
    assert page.context["cl"].queryset.count() == 1
