"""Signing in over PostgreSQL and several workers: codes used once, windows answered, known sign-ins served on."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.device_flow import EMAIL, SIGNING, Client, Person, add_person, signed_in
from tests.e2e.many.cluster import Host, Stores, eventually
from tests.e2e.many.conftest import Launch
from tests.e2e.many.sizes import SIGN_INS
from tests.e2e.many.test_changes import connected, obeyed
from tests.rawhttp import RawClient, Response

AT_ONCE = 24
SETTINGS = {**SIGNING, "DEVICE_STARTS": "1000"}
WORKERS = 4
"""Codes that are taken twice are not seen with two."""


@pytest.fixture(scope="module")
def host(launch_for_all: Callable[..., Host]) -> Host:
    one = launch_for_all("uvicorn", {**SETTINGS, "WORKERS": str(WORKERS)})
    add_person(one)
    return one


@pytest.fixture
def person(host: Host) -> Person:
    one = Person(host.url)
    assert one.log_in().status_code == 302
    return one


@pytest.mark.long
@pytest.mark.timeout(400)
def test_of_many_sign_ins_at_once_each_code_is_used_once(host: Host, person: Person) -> None:
    def flow(_: int) -> tuple[list[int], list[str]]:
        """Begin, approve twice at once, and take three times at once."""
        client, one = Client(host.url), Person(host.url)
        one.http.cookies = person.http.cookies
        user_code = client.begin()
        with ThreadPoolExecutor(3) as windows:
            clicks = [each.result() for each in [windows.submit(one.approve, user_code) for _ in range(2)]]
            polls = [each.result() for each in [windows.submit(client.poll) for _ in range(3)]]
        told = [answer.json().get("error", "bearer") for answer in polls]
        return [click.status_code for click in clicks], told

    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = list(pool.map(flow, range(SIGN_INS)))
    assert Counter(tuple(sorted(clicks)) for clicks, _ in done) == {(302, 302): SIGN_INS}
    assert Counter(told.count("bearer") for _, told in done) == {1: SIGN_INS}
    assert {word for _, told in done for word in told} <= {"bearer", "expired_token", "slow_down"}
    assert host.rows("SELECT count(*) AS n FROM tokens_sign_in")[0]["n"] == SIGN_INS
    assert (
        host.rows("SELECT count(*) AS n FROM tokens_token WHERE sign_in_id IS NOT NULL")[0]["n"] == SIGN_INS
    )


def test_a_policy_is_obeyed_by_every_worker(host: Host, person: Person) -> None:
    """Each answers with the new one, a client that has it is told so, and without any there is none."""
    assert host.admin("POST", "/api/groups", {"name": "dev"}).status == 200
    assert host.admin("PATCH", f"/api/people/{EMAIL}", {"groups": ["dev"]}).status == 200
    bearer = ("authorization", f"Bearer {signed_in(host, person).bearer}")

    def settings(client: RawClient, *more: tuple[str, str]) -> Response:
        client.ask("GET", "/managed/settings", [bearer, *more])
        return client.response()

    def change(method: str, path: str, **body: object) -> str:
        answer = host.admin(method, path, body or None)
        assert answer.status in (200, 204), answer
        return str((answer.json() or {}).get("checksum", "")) if answer.body else ""

    with connected(host) as clients:
        assert len(clients) == WORKERS
        assert {settings(client).status for client in clients.values()} == {404}
        sums = []
        for model in ("claude-a", "claude-b"):
            sums.append(told := change("PUT", "/api/policies/dev", settings={"model": model}))
            obeyed("a policy", clients, lambda it, told=told: settings(it).json().get("checksum") == told)
        for client in clients.values():
            assert settings(client).json()["settings"] == {"model": "claude-b"}
            assert settings(client, ("if-none-match", f'"{sums[1]}"')).status == 304
            assert settings(client, ("if-none-match", f'"{sums[0]}"')).status == 200
        change("DELETE", "/api/policies/dev")
        obeyed("the end of a policy", clients, lambda client: settings(client).status == 404)


def test_windows_that_refresh_at_once_on_all_workers(host: Host, person: Person) -> None:
    client = signed_in(host, person)
    for _ in range(5):
        old, together = client.refresh_token, threading.Barrier(8)

        def window(_: int, old: str = old, together: threading.Barrier = together) -> dict[str, str]:
            together.wait(30)
            answer = Client(host.url).refresh(old)
            assert answer.status_code == 200, answer.text
            found: dict[str, str] = answer.json()
            return found

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(window, range(8)))
        assert len({each["refresh_token"] for each in answers}) == 1
        client.refresh_token, client.bearer = answers[0]["refresh_token"], answers[0]["access_token"]
    assert client.messages().status_code == 200


def test_a_sign_out_is_heard_by_every_worker(host: Host, person: Person) -> None:
    client = signed_in(host, person)

    def call(connection: RawClient) -> Response:
        headers = [("authorization", f"Bearer {client.bearer}"), *host.call_headers()[1:]]
        connection.ask(
            "POST", "/v1/messages", headers, b'{"model":"claude-sonnet-4-5","max_tokens":8,"messages":[]}'
        )
        return connection.response()

    assert {answer.status for answer in host.on_every_worker(call).values()} & {401, 403} == set()
    assert client.post("/oauth/revoke", token=client.refresh_token).status_code == 200
    eventually(
        lambda: {answer.status for answer in host.on_every_worker(call).values()} == {401},
        1.5,
        "not refused everywhere",
    )


def test_wrong_codes_and_passwords_count_on_all_workers_together(host: Host, person: Person) -> None:
    """The last of those that share a host: nobody's code is taken for a while."""
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: person.approve("BCDF-GHJK").status_code, range(16)))
        logins = list(
            pool.map(lambda _: Person(host.url).log_in(email="ben@example.org").status_code, range(9))
        )
    assert codes.count(400) <= 10 and codes.count(429) >= 6
    assert logins.count(200) <= 5 and logins.count(429) >= 4
    assert Person(host.url).log_in(email="ben@example.org").status_code == 429


def test_while_postgresql_is_away_known_sign_ins_go_on(launch: Launch, own_stores: Stores) -> None:
    host = launch(own_stores, "uvicorn", SETTINGS)
    add_person(host)
    person = Person(host.url)
    person.log_in()
    client = signed_in(host, person)
    assert client.messages().status_code == 200
    own_stores.postgres.stop()
    for answer in (client.refresh(), client.post("/oauth/device_authorization")):
        assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
        assert answer.headers["retry-after"] == "5"
    assert person.http.get("/device").status_code == 503
    assert client.messages().status_code == 200
    own_stores.postgres.start()
    eventually(lambda: client.refresh().status_code == 200, 20, "no refresh after PostgreSQL is back")
    assert host.admin("GET", f"/api/people/{EMAIL}").json()["sign_ins"]
