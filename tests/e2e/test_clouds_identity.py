"""Identities of machines, end to end in an empty home: instance, container, workload; and what ends in mid-stream."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.routing import messages, said
from tests.e2e.test_clouds import MODEL, account, events_of, provide, unseen
from tests.fakes.clouds import Cloud
from tests.fakes.identities import CONTAINER_TOKEN, ROBOT, SECRETS, SUBJECT_TOKEN, Identities, keys_of
from tests.fakes.server import Gate
from tests.harness import GatewayProcess

Start = Callable[..., GatewayProcess]
NOWHERE = {"ANTHROPIC_API_KEY": "", "AWS_EC2_METADATA_DISABLED": "true", "NO_GCE_CHECK": "true"}
CALLS = 8


@pytest.fixture(scope="module")
def shared_cloud() -> Iterator[Cloud]:
    with Cloud() as cloud:
        yield cloud


@pytest.fixture
def cloud(shared_cloud: Cloud) -> Cloud:
    shared_cloud.reset()
    shared_cloud.keys, shared_cloud.tokens = [], set()
    return shared_cloud


@pytest.fixture
def identities() -> Iterator[Identities]:
    with Identities() as server:
        yield server


@pytest.fixture
def started(template: Path, tmp_path: Path, cloud: Cloud) -> Iterator[Callable[..., GatewayProcess]]:
    """Start a gateway whose home holds nothing, with an environment of its own."""
    running: list[GatewayProcess] = []

    def start(**settings: str) -> GatewayProcess:
        process = GatewayProcess(
            template, tmp_path / "gateway", cloud.url, "uvicorn", {**NOWHERE, **settings}
        )
        running.append(process.start())
        process.token = process.issue()
        return process

    yield start
    for process in running:
        process.stop()
        assert not [secret for secret in SECRETS if secret in process.log()]


def at_once(gateway: GatewayProcess) -> None:
    with ThreadPoolExecutor(CALLS) as calls:
        answers = list(calls.map(lambda _: messages(gateway, MODEL), range(CALLS)))
    assert [answer.status for answer in answers] == [200] * CALLS, answers


def eventually(gateway: GatewayProcess, seconds: float = 10.0) -> int:
    """Return the status once the pause after a failed look-up is over."""
    deadline = time.monotonic() + seconds
    while (status := messages(gateway, MODEL).status) != 200 and time.monotonic() < deadline:
        time.sleep(0.2)
        gateway.admin("POST", "/api/accounts/workload/clear", {})
    return status


class Paused:
    """A streamed call that the cloud holds in its middle until `end`."""

    def __init__(self, gateway: GatewayProcess, cloud: Cloud) -> None:
        self._cloud, self._gate = cloud, Gate()
        cloud.pause = self._gate
        self._calls = ThreadPoolExecutor(1)
        self._answer = self._calls.submit(messages, gateway, MODEL, stream=True)
        assert self._gate.reached.wait(10), cloud.refused

    def end(self) -> None:
        """Let it go on; it has to come to its proper end."""
        self._cloud.pause = None
        self._gate.open()
        answer = self._answer.result(20)
        assert answer.status == 200 and events_of(answer)[-1] == {"type": "message_stop"}, answer
        unseen(answer)
        self._calls.shutdown()


@pytest.mark.parametrize("way", ["invoke", "messages"])
def test_an_instances_role_and_its_end_in_mid_stream(started, cloud, identities, way: str) -> None:
    place = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": f"{identities.url}/"}
    gateway = started(AWS_EC2_METADATA_DISABLED="false", **place)
    provide(gateway, cloud, way)
    identities.slow_seconds = 0.3
    cloud.keys = [identities.coming]
    at_once(gateway)
    assert identities.given == 1 and not identities.refused  # asked once, however many calls waited
    running = Paused(gateway, cloud)
    cloud.keys = [identities.coming]  # what the stream was signed with is over, and nobody had said when
    running.end()
    assert said(messages(gateway, MODEL)) == "You said: hello"
    assert identities.given == 2 and len(cloud.refused) == 1
    assert messages(gateway, MODEL).status == 200 and len(cloud.refused) == 1


def test_a_containers_keys_are_replaced_before_their_end(started, cloud, identities, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(CONTAINER_TOKEN)
    place = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{identities.url}/container"}
    gateway = started(AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(token), **place)
    provide(gateway, cloud, "invoke")
    identities.lives = 60.0
    cloud.keys = [keys_of(number) for number in range(5)]  # what ends so soon may be fetched more than once
    running = Paused(gateway, cloud)
    identities.lives, before = 7200.0, identities.given
    cloud.keys = [identities.coming]
    running.end()
    assert messages(gateway, MODEL).status == 200
    at_once(gateway)
    assert identities.given == before + 1 and not cloud.refused and not identities.refused


@pytest.mark.parametrize("robot", ["", ROBOT])
def test_a_workloads_identity_is_exchanged(started, cloud, identities, tmp_path: Path, robot: str) -> None:
    subject = tmp_path / "subject"
    subject.write_text(SUBJECT_TOKEN)
    document = json.dumps(identities.workload(str(subject), robot))
    given = tmp_path / "google.json"
    given.write_text(document)
    gateway = started(GOOGLE_APPLICATION_CREDENTIALS=str(given))
    provide(gateway, cloud, "vertex", api_key=None)
    identities.slow_seconds = 0.3

    def takes_the_next() -> None:
        cloud.tokens = {identities.coming_robot if robot else identities.coming_token}

    takes_the_next()
    at_once(gateway)
    assert (identities.given, identities.robots) == (1, 1 if robot else 0) and not identities.refused
    running = Paused(gateway, cloud)
    takes_the_next()
    running.end()
    assert said(messages(gateway, MODEL)) == "You said: hello"
    assert (identities.given, identities.robots) == ((1, 2) if robot else (2, 0)) and len(cloud.refused) == 1
    # The same as an account: its JSON is the secret.
    account(gateway, "workload", source="google", secret=document, region="europe-west4")
    takes_the_next()
    assert messages(gateway, MODEL).status == 200
    assert b"/locations/europe-west4/" in cloud.seen[-1].target and not identities.refused


def test_a_workload_that_is_not_known_there_is_told_without_its_token(
    started, cloud, identities, tmp_path: Path
) -> None:
    gateway = started()
    provide(gateway, cloud, "vertex", api_key=None)
    subject = tmp_path / "subject"
    subject.write_text("jwt-of-somebody-else-CANARY")
    secret = json.dumps(identities.workload(str(subject)))
    account(gateway, "workload", source="google", secret=secret)
    answer = messages(gateway, MODEL)
    assert answer.status == 503 and "no credential" in answer.json()["error"]["message"]
    assert not cloud.seen and "jwt-of-somebody-else" not in gateway.log() + answer.body.decode()
    subject.write_text(SUBJECT_TOKEN)
    cloud.tokens = {identities.coming_token}
    assert gateway.admin("POST", "/api/accounts/workload/clear", {}).status == 200
    assert eventually(gateway) == 200
