"""What a browser asks for by itself, through Django."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from gateway.console.front import ICON
from gateway.entrypoints import wants_page

HTML = "text/html,application/xhtml+xml,*/*;q=0.8"


@pytest.mark.parametrize("method", ["get", "head"])
def test_the_icon_is_small_kept_and_open(client: Client, method: str) -> None:
    answer = getattr(client, method)("/favicon.ico")
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/x-icon")
    assert answer["Cache-Control"] == "public, max-age=604800"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert len(ICON.read_bytes()) < 2000 and ICON.read_bytes()[:4] == b"\0\0\1\0"
    assert method == "head" or answer.content == ICON.read_bytes()


def test_search_engines_have_no_business_here(client: Client) -> None:
    assert client.get("/robots.txt").content == b"User-agent: *\nDisallow: /\n"


@pytest.mark.django_db
def test_people_are_led_in(client: Client) -> None:
    root = client.get("/", headers={"Accept": HTML, "Host": "localhost"})
    assert (root.status_code, root["Location"], root["Vary"]) == (302, "/login/?next=/", "Accept, Cookie")
    assert root["Cache-Control"] == "no-store"
    elsewhere = client.get("/", headers={"Accept": HTML}, REMOTE_ADDR="192.0.2.1")
    assert elsewhere["Location"] == "/admin/login/?next=/"
    for role, place in (("viewer", "/console/"), ("developer", "/me/")):
        user = User.objects.create_user(role, is_staff=role == "viewer")
        user.groups.add(Group.objects.get(name=f"role:{role}"))
        client.force_login(user)
        assert client.get("/", headers={"Accept": HTML})["Location"] == place


def test_a_forgotten_slash(client: Client) -> None:
    for name in ("admin", "console", "login", "me"):
        slash = client.get(f"/{name}?a=b%20c")
        assert (slash.status_code, slash["Location"]) == (301, f"/{name}/?a=b%20c")
    assert client.get("/admin")["Location"] == "/admin/"
    assert client.post("/admin").status_code == 405
    assert client.post("/favicon.ico").status_code == 405


@pytest.mark.parametrize(
    ("method", "accept", "is_page"),
    [
        ("GET", HTML, True),
        ("GET", "Text/HTML", True),
        ("GET", "*/*", False),
        ("GET", "", False),
        ("GET", "application/json", False),
        ("POST", HTML, False),
        ("HEAD", HTML, False),
    ],
)
def test_only_a_browser_wants_a_page(method: str, accept: str, is_page: bool) -> None:
    assert wants_page(method, accept) is is_page
