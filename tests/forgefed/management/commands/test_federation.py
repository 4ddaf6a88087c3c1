from __future__ import annotations

import io
import json

import pytest
from django.core.management import call_command

from forgefed import services
from forgefed.models import Delivery, Following
from gateway.models import AuditRow

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("federation")]

URI = "https://problems.example/actor/code"


def run(*arguments: str) -> tuple[str, str, int]:
    out, err, status = io.StringIO(), io.StringIO(), 0
    try:
        call_command("federation", *arguments, stdout=out, stderr=err)
    except SystemExit as exit_:
        status = int(exit_.code or 0)
    return out.getvalue(), err.getvalue(), status


def test_following_and_its_state():
    assert run("follow", URI) == (f"{URI}: not answered yet\n", "", 0)
    [told] = json.loads(run("following", "--json")[0])
    assert (told["uri"], told["state"], told["answered_at"]) == (URI, "pending", None)
    Following.objects.update(state="accepted")
    assert run("following")[0].splitlines()[1].split() == ["accepted", URI]
    [delivery] = json.loads(run("deliveries", "--json")[0])
    assert (delivery["kind"], delivery["state"], delivery["to"], delivery["attempts"]) == (
        "Follow",
        "waiting",
        URI,
        0,
    )
    assert AuditRow.objects.get().who_kind == "command"
    assert run("unfollow", URI)[2] == 0
    assert json.loads(run("following", "--json")[0]) == []
    assert not Delivery.objects.exists()


def test_mistakes_are_told_on_standard_error():
    assert run("unfollow", URI) == ("", f"not followed: {URI}\n", 2)
    out, err, status = run("follow", "nonsense")
    assert (out, status) == ("", 1) and "nonsense" in err


def test_followers():
    services.service_actor().followers.create(uri=URI, inbox_uri=f"{URI}/inbox")
    [told] = json.loads(run("followers", "--json")[0])
    assert (told["uri"], told["inbox"]) == (URI, f"{URI}/inbox")
    assert URI in run("followers")[0]


def test_new_keys():
    before = services.own_keys().main_pem
    assert json.loads(run("rotate-keys", "--json")[0]) == {"rotated": True}
    assert services.own_keys().main_pem != before
