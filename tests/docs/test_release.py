"""A release is the same everywhere: the program, the package, the changelog, the notes, and the names of images."""

from __future__ import annotations

import itertools
import re
import tomllib
from datetime import date

import yaml

from gateway import VERSION
from tests.harness import ROOT

IMAGE = "link-assistant-router"
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
HEADING = re.compile(r"(?m)^## (?P<version>\S+)(?: — (?P<day>\S+))?$")


def test_the_package_is_of_the_version_that_the_program_tells() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION


def test_the_changelog_tells_each_release_newest_first() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    first, *released = HEADING.finditer(text)
    assert first["version"] == "Unreleased" and first["day"] is None
    assert released[0]["version"] == VERSION
    numbers = [tuple(map(int, found["version"].split("."))) for found in released]
    assert numbers == sorted(numbers, reverse=True)
    days = [date.fromisoformat(found["day"]) for found in released]
    assert days == sorted(days, reverse=True)
    assert set(re.findall(r"(?m)^### (.+)$", text)) <= KINDS


def test_there_are_notes_for_who_comes_from_the_release_before() -> None:
    released = [found["version"] for found in HEADING.finditer((ROOT / "CHANGELOG.md").read_text())][1:]
    notes = (ROOT / "docs" / "upgrading.md").read_text()
    for newer, older in itertools.pairwise(released):
        assert f"## From {older} to {newer}\n" in notes


def test_images_are_named_by_the_release() -> None:
    for name in ("docker-compose.yml", "docker-compose.one.yml"):
        services = yaml.safe_load((ROOT / "deploy" / name).read_text())["services"]
        assert services["router"]["image"] == f"{IMAGE}:{VERSION}"
    kustomization = yaml.safe_load((ROOT / "deploy" / "k8s" / "base" / "kustomization.yaml").read_text())
    assert kustomization["images"] == [{"name": IMAGE, "newTag": VERSION}]
    akash = yaml.safe_load((ROOT / "deploy" / "akash" / "deploy.yaml").read_text())
    assert f"/{IMAGE}:{VERSION}@sha256:" in akash["services"]["router"]["image"]
    assert f"-t {IMAGE}:{VERSION} " in (ROOT / "Dockerfile").read_text()
