"""The second step of a login: asked for after the right password, behind the same lock, and never skipped."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from gateway.models import AuditRow
from gateway.signin import codes
from tests.principals import SOMEBODY
from tests.second_factor import code_of, give
from tokens.totp import services

pytestmark = pytest.mark.django_db
NAME, PASSWORD = "root@example.org", "right-password-0123"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
STRANGER = "203.0.113.9"


@pytest.fixture(autouse=True)
def root(options: Any) -> User:
    options(PUBLIC_URL="https://gw.test")
    user = User.objects.create_user(NAME, NAME, PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name="role:admin"))
    give(user, SECRET)
    return user


def password(client: Client, page: str = "/login/", given: str = PASSWORD) -> Any:
    told = {"username": NAME, "password": given, "next": "/console/usage/"}
    return client.post(page, told, REMOTE_ADDR=STRANGER)


def send(client: Client, code: str) -> Any:
    return client.post("/login/code", {"code": code}, REMOTE_ADDR=STRANGER)


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


@pytest.mark.parametrize("page", ["/login/", "/admin/login/"])
def test_a_code_is_asked_for_after_the_password(client: Client, page: str) -> None:
    answer = password(client, page)
    assert (answer.status_code, answer["Location"]) == (302, "/login/code") and not is_in(client)
    for path in ("/console/", "/admin/", "/me/security/", "/api/tokens/list"):
        assert client.get(path).status_code in (302, 401), path
    shown = client.get("/login/code")
    assert b'name="code"' in shown.content and "no-store" in shown["Cache-Control"]
    done = send(client, code_of(SECRET))
    assert (done.status_code, done["Location"]) == (302, "/console/usage/") and is_in(client)
    assert AuditRow.objects.get(action="login.ok").after == {"by": "password and code"}
    assert not AuditRow.objects.filter(action="login.failed").exists()


def test_a_wrong_code_lets_nobody_in_and_a_used_one_neither() -> None:
    first, second = Client(), Client()
    password(first)
    wrong = send(first, "000000" if code_of(SECRET) != "000000" else "111111")
    assert wrong.status_code == 200 and b'data-test="error"' in wrong.content and not is_in(first)
    code = code_of(SECRET)
    assert send(first, code).status_code == 302 and is_in(first)
    password(second)
    assert send(second, code).status_code == 200 and not is_in(second)


def test_wrong_codes_count_as_wrong_passwords(client: Client) -> None:
    for _ in range(3):
        password(Client(), given="wrong")
    password(client)
    assert [send(client, "x").status_code for _ in range(2)] == [200, 200]
    locked = send(client, code_of(SECRET))
    assert locked.status_code == 429 and int(locked["Retry-After"]) > 800 and not is_in(client)
    assert password(Client()).status_code == 429
    assert AuditRow.objects.filter(action="login.failed", subject=f"person:{NAME}").count() == 5
    assert AuditRow.objects.filter(action="login.locked").exists()


def test_right_passwords_do_not_make_wrong_codes_forgotten(client: Client) -> None:
    for _ in range(5):
        assert password(client).status_code == 302
        send(client, "x")
    assert password(Client()).status_code == 429


def test_the_step_ends_in_time_and_with_her_password_or_access(client: Client, root: User) -> None:
    assert client.get("/login/code")["Location"] == "/login/"
    password(client)
    session = client.session
    session[codes.KEY] = {**session[codes.KEY], "at": 0}
    session.save()
    assert send(client, code_of(SECRET))["Location"] == "/login/" and not is_in(client)
    password(client)
    root.set_password("another-password-0")
    root.save()
    assert send(client, code_of(SECRET))["Location"] == "/login/" and not is_in(client)
    other = Client()
    password(other, given="another-password-0")
    User.objects.update(is_active=False)
    assert send(other, code_of(SECRET))["Location"] == "/login/" and not is_in(other)


def test_who_has_none_is_asked_for_none(client: Client, root: User) -> None:
    services.switch_off(root, principal=SOMEBODY)
    assert password(client)["Location"] == "/console/usage/" and is_in(client)


def test_the_admin_s_login_leads_to_the_one_of_all(client: Client) -> None:
    assert (
        client.get("/admin/login/?next=/admin/auth/user/")["Location"]
        == "/login/?next=%2Fadmin%2Fauth%2Fuser%2F"
    )
    assert client.get("/admin/login/")["Location"] == "/login/?next=%2Fadmin%2F"


def test_where_nobody_has_said_our_address_the_admin_s_login_is_the_page_itself(
    client: Client, options: Any
) -> None:
    options(PUBLIC_URL="")
    page = client.get("/admin/login/", REMOTE_ADDR=STRANGER)
    assert page.status_code == 200 and b'name="password"' in page.content
    assert password(client, "/admin/login/")["Location"] == "/login/code"
    assert send(client, code_of(SECRET)).status_code == 302 and is_in(client)
