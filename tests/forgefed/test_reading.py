from __future__ import annotations

import pytest

from forgefed import reading
from forgefed.errors import BadDocument


@pytest.mark.parametrize(
    ("kind", "is_one"),
    [
        ("application/activity+json", True),
        ("Application/Activity+JSON; charset=utf-8", True),
        ('application/ld+json; profile="https://www.w3.org/ns/activitystreams"', True),
        ('application/ld+json;charset=utf-8; profile="https://www.w3.org/ns/activitystreams"', True),
        ("application/ld+json", False),
        ("application/json", False),
        ("text/html", False),
        ("", False),
    ],
)
def test_two_types_are_activitypub_s(kind: str, is_one: bool):
    assert reading.is_activity_type(kind) is is_one


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"a":' * 80 + b"1" + b"}" * 80])
def test_other_documents_are_refused(body: bytes):
    with pytest.raises(BadDocument):
        reading.parse(body)


def test_depth_is_counted_up_to_its_limit():
    assert reading.depth_of({"a": [1, {"b": 2}]}) == 3
    deep: object = {}
    for _ in range(500):
        deep = {"a": deep}
    assert reading.depth_of(deep) == reading.DEEPEST + 1


@pytest.mark.parametrize(
    ("value", "found"),
    [("x", "x"), ({"id": "x"}, "x"), ({"id": 5}, ""), (None, ""), (["x"], ""), ("x" * 501, ""), ({}, "")],
)
def test_the_id_of_a_value(value: object, found: str):
    assert reading.id_of(value) == found


def test_an_origin_is_scheme_host_and_port():
    assert reading.is_same_origin("https://A.example/x", "https://a.example:443/y")
    for other in ("http://a.example/", "https://a.example:8443/", "https://b.example/", "urn:x", ""):
        assert not reading.is_same_origin("https://a.example/", other)


def test_the_keys_that_an_actor_shows():
    rsa = {"id": "a#m", "owner": "a", "publicKeyPem": "PEM"}
    edwards = {"id": "a#e", "controller": "a", "publicKeyMultibase": "z"}
    document = {"publicKey": [rsa, "a#other"], "assertionMethod": edwards}
    assert [key.key_id for key in reading.listed_keys(document)] == ["a#m", "a#e"]
    assert reading.listed_key_ids(document) == {"a#m", "a#other", "a#e"}
    assert reading.listed_keys({"publicKey": {"id": "a#m", "publicKeyPem": "PEM"}}) == []
    assert reading.listed_keys({}) == []
