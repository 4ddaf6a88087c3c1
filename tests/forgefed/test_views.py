from __future__ import annotations

import json

import pytest
from django.test import Client, override_settings
from django.urls import Resolver404, resolve

from forgefed import services
from tests.forgefed.recorded import BASE, BODIES, DUMMY_PEM, body

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _settings(settings):
    settings.ACTOR_BASE_URL = BASE
    settings.ACTIVITYPUB_PUBLIC_KEY_PEM = DUMMY_PEM


@pytest.mark.parametrize("path", BODIES)
def test_get_gives_the_recorded_bytes(client: Client, path: str):
    answer = client.get(path, headers={"accept": "text/html"})
    assert answer.status_code == 200
    assert answer.content == body(path)
    assert answer["content-type"] == answer["accept"] == "application/activity+json"
    assert answer["content-length"] == str(len(body(path)))


@pytest.mark.parametrize("path", BODIES)
def test_a_query_is_ignored_and_a_second_answer_is_the_same(client: Client, path: str):
    assert client.get(path).content == client.get(path + "?page=1").content == body(path)


@pytest.mark.parametrize("path", BODIES)
def test_head_announces_the_length_of_get(client: Client, path: str):
    answer = client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["content-length"] == str(len(body(path)))
    assert answer["content-type"] == "application/activity+json"


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("method", ["post", "put", "delete", "patch", "options"])
def test_other_methods_are_refused_with_an_empty_405(path: str, method: str):
    answer = getattr(Client(enforce_csrf_checks=True), method)(
        path, data="{}", content_type="application/json"
    )
    assert (answer.status_code, answer.content, answer["allow"]) == (405, b"", "GET,HEAD")
    assert "content-type" not in answer


def test_an_unknown_activity_is_not_found(client: Client):
    assert client.get("/activities/x").status_code == 404


@pytest.mark.parametrize("path", ["/actor/other", "/actor/code/", "/actor/code/followers", "/inbox/code"])
def test_other_paths_are_not_ours(path: str):
    with pytest.raises(Resolver404):
        resolve(path, "forgefed.urls")


def test_what_an_actor_says_is_in_its_outbox(client: Client):
    actor = services.service_actor()
    actor.activities.create(slug="a-1", kind="Offer", object={"type": "Ticket"}, to=["https://t.example/x"])
    document = json.loads(client.get("/outbox/code").content)
    assert document["totalItems"] == 1
    assert document["orderedItems"] == [
        {
            "id": f"{BASE}/activities/a-1",
            "type": "Offer",
            "actor": f"{BASE}/actor/code",
            "object": {"type": "Ticket"},
            "to": ["https://t.example/x"],
        }
    ]
    assert json.loads(client.get("/activities/a-1").content)["object"] == {"type": "Ticket"}


def test_followers_are_listed_newest_first(client: Client):
    for number in range(3):
        services.service_actor().followers.create(uri=f"https://f.example/{number}")
    document = json.loads(client.get("/actors/code/followers").content)
    assert document["totalItems"] == 3
    assert document["orderedItems"] == [f"https://f.example/{number}" for number in (2, 1, 0)]


def test_a_key_is_shown_as_it_is_written():
    key = "-----BEGIN PUBLIC KEY-----\\nABC\\n-----END PUBLIC KEY-----"
    with override_settings(ACTIVITYPUB_PUBLIC_KEY_PEM=key):
        assert services.actor_document()["publicKey"]["publicKeyPem"] == key  # type: ignore[index]


def test_an_actors_own_key_comes_before_the_settings(client: Client):
    actor = services.service_actor()
    actor.public_key_pem = "own"
    actor.save()
    assert json.loads(client.get("/actor/code").content)["publicKey"]["publicKeyPem"] == "own"


def test_documents_cost_few_queries(client: Client, django_assert_max_num_queries):
    services.service_actor()
    with django_assert_max_num_queries(3):
        client.get("/outbox/code")
