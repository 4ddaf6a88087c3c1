"""Crater over real sockets: every surface, every way in which an answer comes, and what does not count as one."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.federating import FederatedGateway, until
from tests.e2e.tracker import SURFACES, Caller, Tracker, text_of
from tests.fakes.postgres import Postgres, binaries
from tests.fakes.server import Answer, Gate
from tests.forgefed.peers import Peer
from tests.harness import manage
from tests.rawhttp import RawClient

CHAT = "/v1/chat/completions"
SLOW = {"CRATER_POLL_INTERVAL_MS": "60000"}
"""Who looks so seldom learns of an answer by being told."""


class House(contextlib.ExitStack):
    """A tracker, a gateway whose provider it is, and a caller of that."""

    def __init__(self, template: Path, directory: Path, **settings: str) -> None:
        super().__init__()
        self.tracker = self.enter_context(Tracker())
        named = {
            "UPSTREAM_PROVIDER": "crater",
            "CRATER_FORGEFED_INBOX": f"{self.tracker.id}/inbox",
            "CRATER_POLL_INTERVAL_MS": "100",
            "CRATER_POLL_TIMEOUT_SECS": "30",
            "EGRESS_ALLOWED_NETWORKS": "",
            **settings,
        }
        self.gateway = self.enter_context(FederatedGateway(template, directory, named))
        self.caller = Caller(self.gateway)


@pytest.fixture(scope="module")
def houses(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., House]]:
    """`houses(settings)`: the one of all tests with these settings."""
    running: dict[tuple[str, ...], House] = {}
    with contextlib.ExitStack() as stack:

        def get(**settings: str) -> House:
            key = tuple(sorted(settings.values()))
            if key not in running:
                house = House(template, tmp_path_factory.mktemp("house") / "g", **settings)
                running[key] = stack.enter_context(house)
            running[key].tracker.reset()
            return running[key]

        yield get


@pytest.fixture
def house(houses: Callable[..., House]) -> House:
    return houses()


@pytest.fixture
def slow(houses: Callable[..., House]) -> House:
    return houses(**SLOW)


def test_every_surface_gets_its_answer_through_our_inbox(house: House):
    number = 0
    for path in SURFACES:
        for stream in (False, True):
            number += 1
            question = f"question {number}"
            call = house.caller.begin(path, question, stream=stream)
            offer = house.tracker.offer_about(question)
            assert offer["actor"] == house.gateway.actor
            ticket = house.tracker.ticket(number, content=f"user: {question}")
            assert house.tracker.accept(house.gateway, offer, ticket) == 202
            until(
                lambda path=f"/tickets/{number}": any(path == seen for seen, _ in house.tracker.polls),
                "a poll",
            )
            house.tracker.ticket(number, isResolved=True, result={"content": f"answer {number}"})
            answer = call.result(60)
            assert (answer.status, text_of(answer)) == (200, f"answer {number}")


def test_an_answer_in_the_body_an_output_text_and_usage(house: House):
    ticket = house.tracker.ticket(1, isResolved=True, output_text=" as it is ", usage={"total_tokens": 7})
    accept = {"type": "Accept", "result": {"id": ticket}}
    house.tracker.inbox_answer = Answer(200, parts=[json.dumps(accept).encode()])
    answer = house.caller.ask(CHAT, "x").json()
    assert answer["choices"][0]["message"]["content"] == " as it is "
    assert answer["usage"] == {"total_tokens": 7}


def test_a_comment_and_a_resolve_are_told_and_looked_at_at_once(slow: House):
    tracker, gateway = slow.tracker, slow.gateway
    call = slow.caller.begin(CHAT, "how")
    offer = tracker.offer_about("how")
    ticket = tracker.ticket(1, content="user: how")
    tracker.accept(gateway, offer, {"id": ticket})
    until(lambda: tracker.polls, "the first poll")
    note = {"id": f"{ticket}/n/1", "type": "Note", "context": ticket, "attributedTo": tracker.id}
    note["content"] = "<p>Like <b>this</b> &amp; that</p>"
    tracker.ticket(1, content="user: how", isResolved=True, resolvedBy=tracker.id)
    begun = time.monotonic()
    assert tracker.tell(gateway, tracker.activity("Create", note), "rfc9421") == 202
    answer = call.result(60)
    assert text_of(answer) == "Like this & that"
    assert time.monotonic() - begun < 20


def test_comments_are_found_in_the_tickets_replies(house: House):
    tracker = house.tracker
    ticket = tracker.ticket(1)
    notes = [
        {"type": "Note", "attributedTo": "https://evil.example/u", "content": "stranger", "published": "2026-09-09"},
        {"type": "Note", "attributedTo": tracker.id, "content": "old", "published": "2026-01-01"},
        {
            "type": "Note", "attributedTo": tracker.id, "content": "<p>x</p>", "published": "2026-02-01",
            "source": {"mediaType": "text/markdown", "content": "*new*"},
        },
    ]  # fmt: skip
    tracker.documents["/replies"] = {"id": f"{tracker.base}/replies", "type": "Collection", "items": notes}
    tracker.ticket(1, isResolved=True, resolvedBy=tracker.id, replies=f"{tracker.base}/replies")
    tracker.inbox_answer = Answer(200, parts=[json.dumps({"type": "Accept", "result": ticket}).encode()])
    assert text_of(house.caller.ask(CHAT, "x")) == "*new*"


@pytest.mark.parametrize("path", SURFACES)
def test_our_own_question_is_never_the_answer(house: House, path: str):
    ticket = house.tracker.ticket(1, isResolved=True, content="user: x", summary="x", name="x")
    house.tracker.inbox_answer = Answer(
        200, parts=[json.dumps({"type": "Accept", "result": ticket}).encode()]
    )
    answer = house.caller.ask(path, "x")
    assert answer.status == 502
    assert answer.json()["error"]["message"] == "ticket resolved without an answer"
    assert answer.json()["error"]["type"] == (
        "api_error" if path == "/v1/messages" else "forgefed_task_error"
    )


def test_strangers_decide_nothing_and_a_reject_ends_it(slow: House):
    tracker, gateway = slow.tracker, slow.gateway
    with Peer("mallory") as mallory:
        gateway.settings["EGRESS_ALLOWED_NETWORKS"] = ""
        call = slow.caller.begin(CHAT, "q")
        offer = tracker.offer_about("q")
        body = json.dumps(mallory.activity("Accept", offer["id"], result=f"{mallory.base}/t")).encode()
        headers = mallory.headers(body, url=f"{gateway.base}/inbox/code")
        assert gateway.ask("POST", "/inbox/code", list(headers.items()), body).status in (401, 403)
        assert mallory.fetched() == 0
        assert not call.done()
        assert tracker.tell(gateway, tracker.activity("Reject", offer["id"])) == 202
        answer = call.result(60)
        assert (answer.status, answer.json()["error"]["message"]) == (
            502,
            "ForgeFed inbox rejected the Offer",
        )
        assert tracker.accept(gateway, offer, tracker.ticket(1)) == 202, "a late one is taken and dropped"


def test_a_stranger_whose_key_can_be_had_decides_nothing_either(template: Path, tmp_path: Path):
    settings = {"EGRESS_ALLOWED_NETWORKS": "127.0.0.1/32", **SLOW}
    with House(template, tmp_path / "g", **settings) as house, Peer("mallory") as mallory:
        call = house.caller.begin(CHAT, "q")
        offer = house.tracker.offer_about("q")
        for activity in (
            mallory.activity("Accept", offer["id"], result=f"{mallory.base}/t"),
            mallory.activity("Reject", offer["id"]),
        ):
            body = json.dumps(activity).encode()
            headers = mallory.headers(body, url=f"{house.gateway.base}/inbox/code")
            assert house.gateway.ask("POST", "/inbox/code", list(headers.items()), body).status == 202
        ticket = house.tracker.ticket(1, isResolved=True, result={"content": "right"})
        house.tracker.accept(house.gateway, offer, ticket)
        assert text_of(call.result(60)) == "right"


def test_polls_that_are_refused_for_now_are_repeated(house: House):
    ticket = house.tracker.ticket(1)
    done = {"id": ticket, "isResolved": True, "result": {"content": "done"}}
    house.tracker.tickets["/tickets/1"] = [
        Answer(503), Answer(429, [("retry-after", "1")]), {"id": ticket, "isResolved": "true"},
        Answer(201, parts=[json.dumps({"id": ticket}).encode()]), done,
    ]  # fmt: skip
    house.tracker.inbox_answer = Answer(
        200, parts=[json.dumps({"type": "Accept", "result": ticket}).encode()]
    )
    assert text_of(house.caller.ask(CHAT, "x")) == "done"
    times = [at for _, at in house.tracker.polls]
    assert len(times) == 5 and times[2] - times[1] >= 0.9
    headers = [seen.get("signature") for seen in house.tracker.server.seen if seen.path == b"/tickets/1"]
    assert all(headers), "every look is signed"


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (Answer(500, parts=[b"oops"]), 502, "ForgeFed delivery failed with HTTP 500: oops"),
        (Answer(404), 502, "ForgeFed delivery failed with HTTP 404"),
        (Answer(200, parts=[b'{"type":"Reject"}']), 502, "ForgeFed inbox rejected the Offer"),
        (Answer(200, parts=[b'{"type":"Accept"}']), 502, "ForgeFed Accept response missing result"),
        (
            Answer(200, parts=[b'{"type":"Accept","result":{}}']),
            502,
            "ForgeFed Accept.result object missing id",
        ),
        (Answer(200, parts=[b'{"result":5}']), 502, "ForgeFed Accept.result must be a URI or object with id"),
        (
            Answer(200, parts=[b'{"result":"https://elsewhere.example/t"}']),
            502,
            "ForgeFed upstream request failed",
        ),
        (Answer(200, parts=[b'{"result":"/relative"}']), 502, "ForgeFed upstream request failed"),
        (Answer(200, parts=[b'{"result":"file:///etc/passwd"}']), 502, "ForgeFed upstream request failed"),
    ],
)
def test_what_the_inbox_says_against_it_is_told(house: House, answer: Answer, status: int, words: str):
    house.tracker.inbox_answer = answer
    for path in SURFACES:
        told = house.caller.ask(path, "x")
        assert told.status == status
        assert told.json()["error"]["message"].startswith(words)


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ({"id": "https://other.example/t", "isResolved": True, "output_text": "x"}, "another one"),
        (Answer(404, parts=[b"gone"]), "ForgeFed delivery failed with HTTP 404: gone"),
        (Answer(200, parts=[b""]), "EOF while parsing a value at line 1 column 0"),
        (Answer(302, [("location", "/tickets/2")]), "ForgeFed delivery failed with HTTP 302"),
    ],
)
def test_a_ticket_that_is_none_ends_it(house: House, shown: object, words: str):
    ticket = house.tracker.ticket(1)
    house.tracker.ticket(2, isResolved=True, output_text="of another ticket")
    house.tracker.tickets["/tickets/1"] = shown
    house.tracker.inbox_answer = Answer(200, parts=[json.dumps({"result": ticket}).encode()])
    told = house.caller.ask(CHAT, "x")
    assert told.status == 502
    assert words in told.json()["error"]["message"]


def test_time_runs_out_by_the_offers_id_and_by_the_tickets_with_pings_before(template: Path, tmp_path: Path):
    settings = {"CRATER_POLL_TIMEOUT_SECS": "2", "PING_SECONDS": "0.3"}
    with House(template, tmp_path / "g", **settings) as house:
        calls = {path: house.caller.begin(path, f"s {path}", stream=True) for path in SURFACES}
        plain = house.caller.begin(CHAT, "plain")
        offer = house.tracker.offer_about("plain")
        told = plain.result(60)
        assert told.status == 504
        assert told.json()["error"]["message"] == f"task {offer['id']} did not resolve within 2 seconds"
        bodies = {path: call.result(60).body.decode() for path, call in calls.items()}
        assert bodies[CHAT].startswith(": ping") and bodies[CHAT].endswith("data: [DONE]\n\n")
        assert '"type":"forgefed_task_error"' in bodies[CHAT]
        assert bodies["/v1/messages"].startswith("event: ping")
        assert '"type":"api_error"' in bodies["/v1/messages"]
        assert (
            "response.failed" in bodies["/v1/responses"] and "forgefed_task_error" in bodies["/v1/responses"]
        )


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_ends_the_looking(house: House, stream: bool):
    ticket = house.tracker.ticket(1)
    house.tracker.inbox_answer = Answer(200, parts=[json.dumps({"result": ticket}).encode()])
    body = json.dumps(
        {"model": "m", "stream": stream, "messages": [{"role": "user", "content": "x"}]}
    ).encode()
    with RawClient(house.gateway.port) as client:
        headers = [house.caller.bearer, ("content-type", "application/json")]
        client.ask("POST", CHAT, headers, body)
        until(lambda: len(house.tracker.polls) >= 2, "two polls")
    left = time.monotonic()
    time.sleep(1.5)
    assert [at for _, at in house.tracker.polls if at > left + 0.8] == []


def test_several_wait_at_once_and_answers_come_in_any_order(slow: House):
    count = 6
    calls = [slow.caller.begin(CHAT, f"<{number}>") for number in range(count)]
    offers = [slow.tracker.offer_about(f"<{number}>") for number in range(count)]
    for number in reversed(range(count)):
        ticket = slow.tracker.ticket(number, isResolved=True, result={"content": f"[{number}]"})
        slow.tracker.accept(slow.gateway, offers[number], ticket)
    assert [text_of(call.result(60)) for call in calls] == [f"[{number}]" for number in range(count)]


def test_another_process_gets_the_accept_and_the_waiter_learns_of_it(template: Path, tmp_path: Path):
    with House(template, tmp_path / "g", **SLOW) as house:
        gateway = house.gateway
        beside = FederatedGateway(gateway.data_dir, gateway.data_dir, dict(gateway.settings))
        beside.log_file = tmp_path / "beside.log"
        with beside:
            call = house.caller.begin(CHAT, "q")
            offer = house.tracker.offer_about("q")
            ticket = house.tracker.ticket(1, isResolved=True, result={"content": "found"})
            begun = time.monotonic()
            assert house.tracker.accept(beside, offer, ticket) == 202
            assert text_of(call.result(60)) == "found"
            assert time.monotonic() - begun < 15


def test_waiting_calls_end_in_order_at_sigterm(template: Path, tmp_path: Path):
    with House(template, tmp_path / "g") as house:
        call = house.caller.begin(CHAT, "q")
        offer = house.tracker.offer_about("q")
        ticket = house.tracker.ticket(1)
        house.tracker.accept(house.gateway, offer, ticket)
        until(lambda: house.tracker.polls, "a poll")
        house.gateway.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        house.tracker.ticket(1, isResolved=True, result={"content": "in time"})
        assert text_of(call.result(60)) == "in time"
        assert house.gateway.process.wait(30) == 0


def test_bad_requests_are_refused_before_a_ticket_is_offered(house: House):
    headers = [house.caller.bearer, ("content-type", "application/json")]
    for body, words in (
        (b"{}", "model is required"),
        (b'{"model":"  ","messages":[]}', "model is required"),
        (b'{"model":"m"}', "messages array is required"),
        (b'{"model":"m","messages":"x","stream":true}', "messages array is required"),
    ):
        told = house.gateway.ask("POST", CHAT, headers, body)
        assert (told.status, told.json()) == (
            400,
            {"error": {"type": "forgefed_task_error", "message": words}},
        )
    assert not house.tracker.offers()
    listed = house.gateway.ask("GET", "/v1/models", headers).json()["data"]
    assert [(one["id"], one["owned_by"]) for one in listed] == [("crater-forgefed", "crater")]
    offers = house.gateway.ask("GET", "/activities/offer-1")
    assert offers.status == 404


def test_an_offer_is_sent_once_though_its_answer_is_slow(house: House):
    gate = Gate()
    ticket = house.tracker.ticket(1, isResolved=True, output_text="once")
    house.tracker.inbox_answer = Answer(
        200, parts=[json.dumps({"result": ticket}).encode()], before_head=gate
    )
    call = house.caller.begin(CHAT, "q")
    assert gate.reached.wait(30)
    time.sleep(0.3)
    gate.open()
    assert text_of(call.result(60)) == "once"
    assert len(house.tracker.offers()) == 1


@pytest.mark.postgres
@pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed")
def test_among_workers_the_one_that_waits_learns_of_its_accept(tmp_path: Path):
    """Two workers on PostgreSQL, several calls at once: each Accept comes to one of them, by chance."""
    postgres = Postgres()
    directory = tmp_path / "g"
    (directory / "data").mkdir(parents=True)
    (directory / "claude").mkdir()
    count = 6
    try:
        postgres.start()
        url = postgres.create("crater")
        manage(directory, "migrate", "--verbosity", "0", settings={"DATABASE_URL": url})
        settings = {"DATABASE_URL": url, "WORKERS": "2", "ALLOW_LOCAL_LIMITS": "true", **SLOW}
        with House(directory, directory, **settings) as house:
            calls = [house.caller.begin(CHAT, f"<{number}>") for number in range(count)]
            offers = [house.tracker.offer_about(f"<{number}>") for number in range(count)]
            for number in range(count):
                ticket = house.tracker.ticket(number, isResolved=True, result={"content": f"[{number}]"})
                assert house.tracker.accept(house.gateway, offers[number], ticket) == 202
            assert [text_of(call.result(60)) for call in calls] == [f"[{number}]" for number in range(count)]
            follow = house.tracker.activity("Follow", house.gateway.actor)
            house.tracker.inbox_answer = Answer(202)
            assert house.tracker.tell(house.gateway, follow) == 202
            until(lambda: [one for one in house.tracker.said() if one["type"] == "Accept"], "our Accept")
            time.sleep(1.5)
            assert len([one for one in house.tracker.said() if one["type"] == "Accept"]) == 1
            zero = house.tracker.activity("Like", "x\x00")
            assert house.tracker.tell(house.gateway, zero) == 400
    finally:
        postgres.close()
