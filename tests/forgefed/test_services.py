from __future__ import annotations

import pytest

from forgefed import services
from forgefed.errors import UnknownDocument
from forgefed.models import Activity, Actor

pytestmark = pytest.mark.django_db


def test_the_service_actor_is_made_once_with_its_first_follow():
    assert services.service_actor() == services.service_actor()
    assert Actor.objects.get().name == "code"
    assert Activity.objects.get().is_listed is False


def test_an_unknown_activity_is_named():
    with pytest.raises(UnknownDocument, match="nothing-of-ours"):
        services.activity_document("nothing-of-ours")


def test_a_long_collection_stands_on_pages(options):
    options(FORGEFED_PAGE_SIZE=3)
    actor = services.service_actor()
    for number in range(7):
        actor.activities.create(slug=f"n-{number}", kind="Create", object="x")
    whole = services.outbox_document()
    assert whole["totalItems"] == 7
    assert str(whole["last"]).endswith("?page=3")
    assert "orderedItems" not in whole
    seen = [
        item["id"].rpartition("/")[2]
        for number in (1, 2, 3)
        for item in services.outbox_document(number)["orderedItems"]  # type: ignore[attr-defined]
    ]
    assert seen == [f"n-{number}" for number in (6, 5, 4, 3, 2, 1, 0)]
    for number in (0, 4):
        with pytest.raises(UnknownDocument):
            services.outbox_document(number)


def test_an_offer_is_neither_shown_nor_listed():
    actor = services.service_actor()
    actor.activities.create(slug="offer-1", kind="Offer", object={"content": "secret"})
    assert services.outbox_document()["totalItems"] == 0
    with pytest.raises(UnknownDocument):
        services.activity_document("offer-1")


@pytest.mark.parametrize(
    ("resource", "is_ours"),
    [
        ("acct:code@router.example", True),
        ("acct:code@ROUTER.example", True),
        ("acct:CODE@router.example", True),
        ("https://router.example/actor/code", True),
        ("code@router.example", True),
        ("acct:code@other.example", False),
        ("acct:other@router.example", False),
        ("https://router.example/actor/other", False),
        ("acct:code@router.example:8443", False),
    ],
)
def test_webfinger_knows_our_actor_alone(settings, resource: str, is_ours: bool):
    settings.ACTOR_BASE_URL = "https://router.example"
    if is_ours:
        assert services.webfinger_document(resource)["subject"] == "acct:code@router.example"
    else:
        with pytest.raises(UnknownDocument):
            services.webfinger_document(resource)


def test_with_a_port_the_account_carries_it(settings):
    settings.ACTOR_BASE_URL = "http://127.0.0.1:8080"
    document = services.webfinger_document("acct:code@127.0.0.1:8080")
    assert document["subject"] == "acct:code@127.0.0.1:8080"


def test_at_a_port_that_is_not_known_nobody_is_found(settings):
    settings.ACTOR_BASE_URL = "http://127.0.0.1:0"
    for resource in ("acct:code@127.0.0.1:0", "http://127.0.0.1:0/actor/code", "acct:x@y"):
        with pytest.raises(UnknownDocument):
            services.webfinger_document(resource)


def test_what_lies_at_our_address(settings):
    settings.ACTOR_BASE_URL = "https://router.example"
    assert services.is_our_host("https://router.example/activities/x")
    assert not services.is_our_host("https://router.example.evil.example/activities/x")
