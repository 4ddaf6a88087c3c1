from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from django.test import Client
from django.urls import Resolver404, resolve

from forgefed import services
from forgefed.signing import multikey
from tests.forgefed.recorded import BASE, BODIES, body, without_additions

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _settings(settings):
    settings.ACTOR_BASE_URL = BASE


def recorded(path: str, content: bytes) -> bytes:
    """Return what the reference would have answered, given what we did."""
    return without_additions(json.loads(content)) if path == "/actor/code" else content


@pytest.mark.parametrize("path", BODIES)
def test_get_gives_the_recorded_bytes(client: Client, path: str):
    answer = client.get(path, headers={"accept": "text/html"})
    assert answer.status_code == 200
    assert recorded(path, answer.content) == body(path)
    assert answer["content-type"] == answer["accept"] == "application/activity+json"
    assert answer["vary"] == "Accept"
    assert answer["content-length"] == str(len(answer.content))


@pytest.mark.parametrize("path", BODIES)
def test_a_query_is_ignored_and_a_second_answer_is_the_same(client: Client, path: str):
    answers = [client.get(path + query).content for query in ("", "?page=1", "?x=y")]
    assert [recorded(path, answer) for answer in answers] == [body(path)] * 3


@pytest.mark.parametrize("path", BODIES)
def test_head_announces_the_length_of_get(client: Client, path: str):
    answer = client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["content-length"] == str(len(client.get(path).content))
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


@pytest.mark.parametrize("path", ["/actor/other", "/actor/code/", "/actor/code/followers"])
def test_other_paths_are_not_ours(path: str):
    with pytest.raises(Resolver404):
        resolve(path, "forgefed.urls")


def test_what_an_actor_says_is_in_its_outbox(client: Client):
    actor = services.service_actor()
    actor.activities.create(
        slug="a-1", kind="Follow", object="https://t.example/x", to=["https://t.example/x"]
    )
    document = json.loads(client.get("/outbox/code").content)
    assert (document["totalItems"], document["first"]) == (1, f"{BASE}/outbox/code?page=1")
    page = json.loads(client.get("/outbox/code?page=1").content)
    assert page["orderedItems"] == [
        {
            "id": f"{BASE}/activities/a-1",
            "type": "Follow",
            "actor": f"{BASE}/actor/code",
            "object": "https://t.example/x",
            "to": ["https://t.example/x"],
        }
    ]
    assert json.loads(client.get("/activities/a-1").content)["object"] == "https://t.example/x"
    assert client.get("/outbox/code?page=2").status_code == 404


def test_followers_are_listed_newest_first(client: Client):
    for number in range(3):
        services.service_actor().followers.create(uri=f"https://f.example/{number}")
    assert json.loads(client.get("/actors/code/followers").content)["totalItems"] == 3
    page = json.loads(client.get("/actors/code/followers?page=1").content)
    assert page["orderedItems"] == [f"https://f.example/{number}" for number in (2, 1, 0)]


def test_the_key_that_is_shown_can_be_read_and_stays(client: Client):
    first, second = (json.loads(client.get("/actor/code").content) for _ in range(2))
    assert first == second
    assert isinstance(multikey.read_public(first["publicKey"]["publicKeyPem"]), RSAPublicKey)
    assert isinstance(
        multikey.read_public(first["assertionMethod"][0]["publicKeyMultibase"]), Ed25519PublicKey
    )


def test_webfinger(client: Client):
    answer = client.get("/.well-known/webfinger", {"resource": "acct:code@router.example"})
    assert (answer.status_code, answer["content-type"]) == (200, "application/jrd+json")
    assert answer["access-control-allow-origin"] == "*"
    assert client.get("/.well-known/webfinger").status_code == 400
    assert client.get("/.well-known/webfinger", {"resource": "acct:x@router.example"}).status_code == 404


def test_nodeinfo_is_found_from_its_list(client: Client):
    link = json.loads(client.get("/.well-known/nodeinfo").content)["links"][0]
    answer = client.get(link["href"].removeprefix(BASE))
    assert answer["content-type"].startswith("application/json; profile=")
    assert json.loads(answer.content)["software"]["name"] == "link-assistant-router"


def test_documents_cost_few_queries(client: Client, django_assert_max_num_queries):
    services.service_actor()
    with django_assert_max_num_queries(4):
        client.get("/outbox/code")
