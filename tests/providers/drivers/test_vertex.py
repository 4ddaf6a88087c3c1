"""Vertex's hosts and paths."""

from __future__ import annotations

import pytest

from providers.drivers.vertex import VertexDriver
from providers.upstream import CredentialKind
from tests.providers.drivers.test_clouds import asked, built


@pytest.mark.parametrize(
    ("region", "place"),
    [
        ("", "https://aiplatform.googleapis.com/v1"),
        ("global", "https://aiplatform.googleapis.com/v1"),
        ("us", "https://aiplatform.us.rep.googleapis.com/v1"),
        ("eu", "https://aiplatform.eu.rep.googleapis.com/v1"),
        ("europe-west1", "https://europe-west1-aiplatform.googleapis.com/v1"),
    ],
)
def test_the_hosts_are_those_of_the_vendors_client(region: str, place: str) -> None:
    assert VertexDriver().place("", {"region": region}) == place


def test_the_path_names_project_region_and_model() -> None:
    order = built("vertex", asked(), model="claude-x@1", project="p", region="europe-west1")
    parent = b"/base/projects/p/locations/europe-west1/publishers/anthropic/models"
    assert order.draft.target == parent + b"/claude-x@1:rawPredict" and order.hidden == ("p",)
    assert b"/locations/global/" in built("vertex", asked(), project="p").draft.target


def test_ids_that_ship_and_rows_before_them() -> None:
    driver, name = VertexDriver(), "claude-haiku-4-5-20251001"
    assert driver.id_of(name, {}, {}) == "claude-haiku-4-5@20251001"
    assert driver.id_of(name, {name: "mine"}, {}) == "mine"
    assert driver.ambient().kind is CredentialKind.GOOGLE
