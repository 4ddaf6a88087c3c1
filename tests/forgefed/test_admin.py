from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from forgefed import deliveries, hosts, services
from forgefed.deliveries import Outcome
from forgefed.models import Delivery, Following, Received, RemoteHost
from gateway.kernel.principal import GATEWAY
from gateway.models import AuditRow

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("federation")]

URI = "https://p.example/actor"


@pytest.fixture(autouse=True)
def _rows() -> None:
    services.service_actor().followers.create(uri="https://f.example/<b>")
    Received.objects.create(
        activity_id="https://f.example/<b>", actor_uri="https://f.example/<b>", kind="Follow", body={}
    )
    hosts.block("f.example", True, GATEWAY)
    deliveries.say("Accept", "x", "https://f.example/<b>", "https://f.example/inbox")


@pytest.mark.parametrize(
    ("model", "rows"),
    [
        ("actor", 1),
        ("follower", 1),
        ("activity", 2),
        ("received", 1),
        ("delivery", 1),
        ("remotehost", 1),
        ("following", 0),
    ],
)
def test_rows_are_there_to_look_at_and_are_not_edited(admin_client: Client, model: str, rows: int):
    page = admin_client.get(f"/admin/forgefed/{model}/")
    assert page.status_code == 200
    assert page.context["cl"].result_count == rows
    assert admin_client.get(f"/admin/forgefed/{model}/?q=nobody-of-that-name").context["cl"].result_count == 0
    assert b"example/<b>" not in page.content
    for row in page.context["cl"].queryset:
        assert admin_client.get(f"/admin/forgefed/{model}/{row.pk}/change/").status_code == 200
        assert (
            admin_client.post(f"/admin/forgefed/{model}/{row.pk}/delete/", {"post": "yes"}).status_code == 403
        )


def test_following_somebody_sends_a_follow(admin_client: Client):
    for bad in ("nonsense", ""):
        assert admin_client.post("/admin/forgefed/following/add/", {"uri": bad}).status_code == 200
    assert admin_client.post("/admin/forgefed/following/add/", {"uri": URI}).status_code == 302
    row = Following.objects.get()
    assert (row.uri, row.state) == (URI, "pending")
    assert Delivery.objects.filter(recipient=URI).exists()
    assert AuditRow.objects.filter(action="federation.follow", who_name="admin@example.com").exists()
    act(admin_client, "following", "unfollow", row.pk)
    assert not Following.objects.exists()


def act(client: Client, model: str, action: str, *rows: int) -> None:
    data = {"action": action, "_selected_action": list(rows)}
    answer = client.post(f"/admin/forgefed/{model}/", data, follow=True)
    assert answer.status_code == 200


def test_a_delivery_that_was_given_up_is_tried_now(admin_client: Client):
    delivery = Delivery.objects.get()
    deliveries.conclude(delivery, Outcome(404, "404: nothing"))
    assert b"404: nothing" in admin_client.get("/admin/forgefed/delivery/").content
    act(admin_client, "delivery", "retry", delivery.pk)
    row = Delivery.objects.get()
    assert row.state == "waiting" and row.next_at <= timezone.now() + timedelta(seconds=1)


def test_servers_are_blocked_and_unblocked(admin_client: Client):
    row = RemoteHost.objects.get()
    act(admin_client, "remotehost", "unblock", row.pk)
    assert not hosts.is_blocked("f.example")
    act(admin_client, "remotehost", "block", row.pk)
    assert hosts.is_blocked("f.example")
    assert admin_client.post("/admin/forgefed/remotehost/add/", {"host": "New.example"}).status_code == 302
    assert hosts.is_blocked("new.example")


def test_who_may_only_look_has_no_actions(client: Client):
    user = User.objects.create_user("looker", password="x" * 12, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)
    delivery = Delivery.objects.get()
    deliveries.conclude(delivery, Outcome(404, "404"))
    client.post("/admin/forgefed/delivery/", {"action": "retry", "_selected_action": [delivery.pk]})
    assert Delivery.objects.get().state == "failed"
    for model in ("following", "remotehost", "delivery"):
        assert client.get(f"/admin/forgefed/{model}/").status_code == 200
        assert client.get(f"/admin/forgefed/{model}/add/").status_code == 403
