"""Batches, files, skills and containers over three accounts: found again, and by their owner alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import anthropic
import pytest

from tests.e2e.pooling import credential, write_pair
from tests.fakes.storing_vendor import StoringVendor
from tests.harness import GatewayProcess, Token

MODEL = "claude-sonnet-5-5"
REQUESTS = [
    {
        "custom_id": "one",
        "params": {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
    }
]
CODE = {"type": "code_execution_20250825", "name": "code_execution"}


@pytest.fixture(scope="module")
def vendor() -> Iterator[StoringVendor]:
    with StoringVendor() as made:
        yield made


@pytest.fixture(scope="module")
def process(
    template: Path, tmp_path_factory: pytest.TempPathFactory, vendor: StoringVendor
) -> Iterator[GatewayProcess]:
    directory = tmp_path_factory.mktemp("objects")
    homes = [directory / f"home{number}" for number in range(3)]
    for number, home in enumerate(homes):
        write_pair(home, credential(number))
    settings = {"ANTHROPIC_API_KEY": "", "ADDITIONAL_ACCOUNT_DIRS": ",".join(map(str, homes))}
    with GatewayProcess(template, directory, vendor.url, "uvicorn", settings) as made:
        yield made


def sdk(process: GatewayProcess, token: Token) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=process.url, api_key=token.secret, max_retries=0)


def ask(process: GatewayProcess, token: Token, method: str, path: str, body: object = None):
    headers = [token.bearer, ("anthropic-version", "2023-06-01"), ("content-type", "application/json")]
    return process.ask(method, path, headers, None if body is None else json.dumps(body).encode())


def message_with(file_id: str) -> dict:
    block = {"type": "document", "source": {"type": "file", "file_id": file_id}}
    return {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": [block]}]}


def test_the_sdk_finds_its_batches_and_files_and_nobody_else_does(
    process: GatewayProcess, vendor: StoringVendor
) -> None:
    mine, other = (sdk(process, process.issue(label)) for label in ("mine", "other"))
    batches = [mine.messages.batches.create(requests=REQUESTS).id for _ in range(6)]
    files = [mine.beta.files.upload(file=("a.txt", b"abc", "text/plain")).id for _ in range(6)]
    assert len({vendor.holders[name] for name in batches + files}) == 3
    for name in batches:
        assert mine.messages.batches.retrieve(name).id == name
        assert [one.custom_id for one in mine.messages.batches.results(name)] == ["one"]
        mine.messages.batches.cancel(name)
    for name in files:
        assert mine.beta.files.retrieve_metadata(name).id == name
        assert mine.messages.create(**message_with(name)).content
    assert [one.id for one in mine.messages.batches.list(limit=2)] == batches[::-1]
    assert [one.id for one in mine.beta.files.list(limit=4)] == files[::-1]
    assert not list(other.messages.batches.list()) and not list(other.beta.files.list())
    before = len(vendor.asked)
    for name in batches:
        for refused in (
            other.messages.batches.retrieve,
            other.messages.batches.cancel,
            other.messages.batches.delete,
        ):
            with pytest.raises(anthropic.NotFoundError):
                refused(name)
    for name in files:
        with pytest.raises(anthropic.NotFoundError):
            other.beta.files.retrieve_metadata(name)
        with pytest.raises(anthropic.NotFoundError, match=r"source\.file_id"):
            other.messages.create(**message_with(name))
    assert len(vendor.asked) == before


def test_where_results_lie_leads_through_us_and_nothing_else_is_changed(
    process: GatewayProcess, vendor: StoringVendor
) -> None:
    token = process.issue("results")
    made = ask(process, token, "POST", "/v1/messages/batches", {"requests": REQUESTS})
    name = made.json()["id"]
    theirs = vendor.told(name).parts[0]
    ours = theirs.replace(vendor.url.encode(), b"http://gateway.test")
    assert made.body == ours != theirs
    assert ask(process, token, "GET", f"/v1/messages/batches/{name}").body == ours
    prefixed = ask(process, token, "GET", f"/api/latest/anthropic/v1/messages/batches/{name}").json()
    assert (
        prefixed["results_url"]
        == f"http://gateway.test/api/latest/anthropic/v1/messages/batches/{name}/results"
    )
    assert ask(process, token, "GET", "/v1/messages/batches").json()["data"][0] == json.loads(ours)


def test_unknown_objects_are_not_there_and_do_not_go_up(
    process: GatewayProcess, vendor: StoringVendor
) -> None:
    token = process.issue("unknown")
    vendor.holders |= {"file_01Elsewhere": credential(0), "msgbatch_01Elsewhere": credential(0)}
    before = len(vendor.asked)
    for method, path, body in (
        ("GET", "/v1/files/file_01Elsewhere", None),
        ("GET", "/v1/files/file_01Elsewhere/content", None),
        ("DELETE", "/v1/files/file_01Elsewhere", None),
        ("GET", "/v1/messages/batches/msgbatch_01Elsewhere", None),
        ("GET", "/v1/messages/batches/msgbatch_01Elsewhere/results", None),
        ("GET", "/v1/skills/skill_01Elsewhere", None),
        ("POST", "/v1/messages", message_with("file_01Elsewhere")),
        (
            "POST",
            "/v1/messages/batches",
            {"requests": [{"custom_id": "a", "params": message_with("file_01Elsewhere")}]},
        ),
        ("POST", "/v1/messages", {**message_with("x"), "container": "container_01Elsewhere"}),
    ):
        answer = ask(process, token, method, path, body)
        assert (answer.status, answer.json()["error"]["type"]) == (404, "not_found_error"), (path, answer)
    assert len(vendor.asked) == before
    assert ask(process, token, "GET", "/v1/skills/pptx").json()["id"] == "pptx"


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_container_and_the_files_in_it_are_found_again(
    process: GatewayProcess, vendor: StoringVendor, is_stream: bool
) -> None:
    mine, other = process.issue("mine"), process.issue("other")
    made = []
    for number in range(6):
        known = set(vendor.holders)
        asked = [{"role": "user", "content": f"run {number}"}]
        call = {"model": MODEL, "max_tokens": 9, "messages": asked, "tools": [CODE]}
        assert ask(process, mine, "POST", "/v1/messages", {**call, "stream": is_stream}).status == 200
        made.append(sorted(set(vendor.holders) - known))
    assert len({vendor.holders[container] for container, _ in made}) == 3
    for container, file in made:
        again = {**call, "stream": is_stream, "container": container}
        answer = ask(process, mine, "POST", "/v1/messages", again)
        assert answer.status == 200 and (not is_stream or b"event: error" not in answer.body), answer
        assert (
            ask(process, mine, "GET", f"/v1/files/{file}/content").body == f"the content of {file}".encode()
        )
        assert ask(process, other, "POST", "/v1/messages", again).status == 404
        assert ask(process, other, "GET", f"/v1/files/{file}").status == 404


AS_CLOUDS = {
    "bedrock": (
        f"/model/{MODEL}/invoke",
        f"/model/{MODEL}/invoke-with-response-stream",
        "bedrock-2023-05-31",
    ),
    "vertex": (
        f"/v1/projects/p/models/{MODEL}:rawPredict",
        f"/v1/projects/p/models/{MODEL}:streamRawPredict",
        "vertex-2023-10-16",
    ),
}


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("surface", AS_CLOUDS)
def test_a_container_that_was_made_through_a_clouds_surface_is_found_again(
    process: GatewayProcess, vendor: StoringVendor, surface: str, is_stream: bool
) -> None:
    mine, other = process.issue("mine"), process.issue("other")
    *paths, version = AS_CLOUDS[surface]
    call = {"anthropic_version": version, "max_tokens": 9, "tools": [CODE]}
    call["messages"] = [{"role": "user", "content": "run"}]
    for number in range(4):
        known = set(vendor.holders)
        call["messages"] = [{"role": "user", "content": f"run {number}"}]
        assert ask(process, mine, "POST", paths[is_stream], call).status == 200
        container, file = sorted(set(vendor.holders) - known)
        again = {**call, "container": container}
        for path in paths:
            assert ask(process, mine, "POST", path, again).status == 200
            assert ask(process, other, "POST", path, again).status == 404
        assert ask(process, mine, "GET", f"/v1/files/{file}").status == 200


@pytest.mark.parametrize("is_stream", [False, True])
def test_the_credit_of_a_refusal_is_redeemed_at_the_account_that_gave_it(
    process: GatewayProcess, vendor: StoringVendor, is_stream: bool
) -> None:
    mine, other = process.issue("mine"), process.issue("other")
    for number in range(4):
        known = set(vendor.holders)
        asked = [{"role": "user", "content": f"REFUSE {number}"}]
        call = {"model": MODEL, "max_tokens": 9, "messages": asked, "stream": is_stream}
        assert ask(process, mine, "POST", "/v1/messages", call).status == 200
        [token] = set(vendor.holders) - known
        for credit in (token, {"token": token, "mode": "best_effort"}):
            again = {**call, "fallback_credit_token": credit}
            assert ask(process, mine, "POST", "/v1/messages", again).status == 200
            refused = ask(process, other, "POST", "/v1/messages", again)
            assert refused.status == 400 and "fallback_credit_token:" in refused.json()["error"]["message"]
    rows = process.rows("SELECT id FROM gateway_object WHERE kind = 'credit'")
    assert rows and not any("fct_" in row["id"] for row in rows)


def test_objects_are_found_after_a_restart_and_stay_when_their_token_is_deleted(
    template: Path, tmp_path: Path, vendor: StoringVendor
) -> None:
    homes = [tmp_path / f"home{number}" for number in range(3)]
    for number, home in enumerate(homes):
        write_pair(home, credential(number))
    settings = {"ANTHROPIC_API_KEY": "", "ADDITIONAL_ACCOUNT_DIRS": ",".join(map(str, homes))}
    with GatewayProcess(template, tmp_path, vendor.url, "uvicorn", settings) as process:
        token, names = process.issue("mine"), []
        for _ in range(6):
            names.append(
                ask(process, token, "POST", "/v1/messages/batches", {"requests": REQUESTS}).json()["id"]
            )
    with GatewayProcess(tmp_path, tmp_path, vendor.url, "uvicorn", settings) as process:
        assert all(ask(process, token, "GET", f"/v1/messages/batches/{name}").status == 200 for name in names)
        rotated = process.admin("POST", f"/api/tokens/{token.id}/rotate", {}).json()["token"]
        renewed = Token(rotated, "")
        assert ask(process, renewed, "GET", f"/v1/messages/batches/{names[0]}").status == 200
        assert ask(process, renewed, "DELETE", f"/v1/messages/batches/{names[0]}").status == 200
        assert ask(process, renewed, "GET", f"/v1/messages/batches/{names[0]}").status == 404
        assert len(ask(process, renewed, "GET", "/v1/messages/batches").json()["data"]) == 5
        assert process.admin("DELETE", f"/api/tokens/{token.id}").status in (200, 204, 404, 405)
        rows = process.rows("SELECT id, account, token_id FROM gateway_object ORDER BY id")
        assert [row["id"] for row in rows] == sorted(names[1:])
        assert {row["token_id"] for row in rows} == {token.id} and all(row["account"] for row in rows)


def test_with_shared_objects_everything_passes_as_it_is(
    template: Path, tmp_path: Path, vendor: StoringVendor
) -> None:
    settings = {"STORED_OBJECTS": "shared", "ANTHROPIC_API_KEY": credential(0)}
    vendor.holders["msgbatch_01Elsewhere"] = credential(0)
    with GatewayProcess(template, tmp_path, vendor.url, "uvicorn", settings) as process:
        token = process.issue("mine")
        answer = ask(process, token, "GET", "/v1/messages/batches/msgbatch_01Elsewhere")
        assert answer.body == vendor.told("msgbatch_01Elsewhere").parts[0]
        assert ask(process, token, "GET", "/v1/files").status == 404  # as this vendor answers
        assert vendor.asked[-1][2] == "/v1/files"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("after_id=file_9", "after_id"),
        ("page=file_9", "page"),
        ("before_id=a&after_id=b", "before_id"),
    ],
)
def test_a_list_says_what_is_wrong_with_the_question(process: GatewayProcess, query: str, field: str) -> None:
    answer = ask(process, process.issue("lists"), "GET", f"/v1/files?{query}")
    assert answer.status == 400 and answer.json()["error"]["message"].startswith(field + ":")
