"""Admin page of policies: services write, warnings are told, and it is shown who gets which."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group as StaffGroup
from django.contrib.auth.models import User
from django.test import Client
from django.urls import path

from gateway.models import AuditRow
from tests.principals import SOMEBODY
from tokens.models import Group
from tokens.policies import services
from tokens.policies.models import Policy

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
urlpatterns = [path("admin/", admin.site.urls)]
LIST = "/admin/tokens/policy/"


def test_a_policy_is_made_changed_and_removed_by_the_service(admin_client: Client) -> None:
    Group.objects.create(name="dev")
    made = admin_client.post(f"{LIST}add/", {"group": "dev", "settings": '{"modle": 1.0}'}, follow=True)
    assert "no setting of this name" in made.content.decode()
    policy = Policy.objects.get()
    page = admin_client.get(f"{LIST}{policy.pk}/change/").content.decode()
    assert policy.checksum in page and "&quot;modle&quot;: 1.0" in page
    admin_client.post(f"{LIST}{policy.pk}/change/", {"group": "dev", "settings": "{}"})
    assert Policy.objects.get().settings == "{}"
    admin_client.post(f"{LIST}{policy.pk}/delete/", {"post": "yes"})
    assert not Policy.objects.exists()
    assert [row.action for row in AuditRow.objects.order_by("pk")] == [
        "policy.set",
        "policy.set",
        "policy.remove",
    ]


@pytest.mark.parametrize(
    ("given", "told"),
    [("{", "not valid JSON"), ("[]", "must be a JSON object"), ('{"env": {"A": 1}}', "env")],
)
def test_a_mistake_is_shown_beside_its_field(admin_client: Client, given: str, told: str) -> None:
    page = admin_client.post(f"{LIST}add/", {"group": "*", "settings": given}).content.decode()
    assert told in page and not Policy.objects.exists()


def test_who_gets_which(admin_client: Client, client: Client) -> None:
    Group.objects.create(name="dev")
    user = User.objects.create(username="ann@example.org", email="ann@example.org")
    User.objects.create(username="bob@example.org", email="bob@example.org")
    user.groups.add(StaffGroup.objects.get_or_create(name="dev")[0])
    services.put("dev", {}, principal=SOMEBODY)
    page = admin_client.get(f"{LIST}preview/").content.decode()
    assert page.index("ann@example.org") < page.index(">dev</a>") < page.index("bob@example.org")
    assert "bob" not in admin_client.get(f"{LIST}preview/?q=ann").content.decode()
    staff = User.objects.create_user("staff", password="p", is_staff=True)
    client.force_login(staff)
    assert client.get(f"{LIST}preview/").status_code == 403
