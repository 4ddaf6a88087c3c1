"""What a path of a vendor's own API asks for."""

from __future__ import annotations

import pytest

from gateway.objects import paths
from gateway.objects.paths import Asked


@pytest.mark.parametrize(
    ("method", "path", "asked"),
    [
        ("GET", b"/v1/files", Asked("GET", "file")),
        ("POST", b"/v1/messages/batches", Asked("POST", "batch")),
        ("GET", b"/v1/messages/batches/msgbatch_1", Asked("GET", "batch", "msgbatch_1")),
        (
            "GET",
            b"/v1/messages/batches/msgbatch_1/results",
            Asked("GET", "batch", "msgbatch_1", is_whole=False),
        ),
        ("GET", b"/v1/files/f%69le_1", Asked("GET", "file", "file_1")),
        ("GET", b"/v1/files/", Asked("GET", "file", "")),
        ("GET", b"/v1/filesystem", Asked("GET", "/v1/filesystem")),
        (
            "GET",
            b"/v1/sessions/sesn_01AbCdEf/events",
            Asked("GET", "/v1/sessions", "sesn_01AbCdEf", is_whole=False),
        ),
        ("POST", b"/v1/user_profiles", Asked("POST", "/v1/user_profiles")),
        ("GET", b"/v1/user_profiles/uprof_011CZ", Asked("GET", "/v1/user_profiles", "uprof_011CZ")),
    ],
)
def test_paths_are_read(method: str, path: bytes, asked: Asked) -> None:
    assert paths.read(method, path) == asked


def test_what_becomes_of_the_object() -> None:
    def read(method: str, path: str) -> Asked:
        return paths.read(method, path.encode())

    assert read("GET", "/v1/files").is_list and not read("GET", "/v1/files/file_1").is_list
    assert (
        read("POST", "/v1/files").makes and not read("POST", "/v1/messages/batches/msgbatch_1/cancel").makes
    )
    assert read("DELETE", "/v1/files/file_1").deletes
    assert not read("DELETE", "/v1/skills/skill_1/versions/2").deletes


def test_only_skills_of_the_vendors_are_everybodys_and_only_to_read() -> None:
    assert paths.read("GET", b"/v1/skills/pptx").is_vendors_own
    assert paths.read("GET", b"/v1/skills/pptx/versions").is_vendors_own
    assert not paths.read("DELETE", b"/v1/skills/pptx").is_vendors_own
    assert not paths.read("GET", b"/v1/skills/skill_01").is_vendors_own
    assert not paths.read("GET", b"/v1/files/pptx").is_vendors_own
