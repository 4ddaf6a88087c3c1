"""Every form of a credential file, and the choice where several are there."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.credentials.files import FILE_NAMES, FileCredential, parse, read_directory, sign_directory
from accounts.errors import MalformedCredential

NESTED = {
    "accessToken": "sk-ant-oat01-nested",
    "refreshToken": "sk-ant-ort01-x",
    "expiresAt": 4102444800000,
    "scopes": ["user:inference"],
    "subscriptionType": "max",
}
BLANK = {"accessToken": "", "refreshToken": "", "expiresAt": 0}


def text(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"accessToken": "t"}, FileCredential("t")),
        ({"access_token": "t"}, FileCredential("t")),
        ({"oauthToken": "t"}, FileCredential("t")),
        ({"oauth_token": "t"}, FileCredential("t")),
        ({"oauthToken": "o", "accessToken": "a"}, FileCredential("a")),
        ({"accessToken": None, "oauthToken": "o"}, FileCredential("o")),
        ({"accessToken": "", "oauthToken": "o"}, FileCredential("o")),
        ({"accessToken": "a", "access_token": "b"}, FileCredential("a")),
        ({"accessToken": " a\n"}, FileCredential("a")),
        ({"accessToken": "a", "refreshToken": "r", "expiresAt": 1000}, FileCredential("a", "r", 1.0)),
        ({"access_token": "a", "refresh_token": "r", "expires_at": 1500}, FileCredential("a", "r", 1.5)),
        (
            {"claudeAiOauth": NESTED},
            FileCredential(NESTED["accessToken"], NESTED["refreshToken"], 4102444800.0, "claudeAiOauth"),
        ),
        ({"claude_ai_oauth": {"access_token": "n"}}, FileCredential("n", None, None, "claude_ai_oauth")),
        (
            {"claudeAiOauth": {"accessToken": "n"}, "accessToken": "f", "refreshToken": "r"},
            FileCredential("n", None, None, "claudeAiOauth"),
        ),
        ({"claudeAiOauth": BLANK}, FileCredential("", None, None, "claudeAiOauth")),
        ({"claudeAiOauth": BLANK, "accessToken": "f", "refreshToken": "r"}, FileCredential("f", "r")),
        ({"claudeAiOauth": {}, "accessToken": "f"}, FileCredential("f")),
        ({"claudeAiOauth": None, "accessToken": "f"}, FileCredential("f")),
        ({"accessToken": "", "refreshToken": ""}, FileCredential("")),
        ({}, None),
        ({"apiKey": "t"}, None),
        ({"OPENAI_API_KEY": None, "tokens": {"access_token": "eyJ"}}, None),
        ({"mcpOAuth": {"accessToken": "t"}}, None),
    ],
)
def test_forms(document: object, expected: FileCredential | None) -> None:
    assert parse(text(document)) == expected
    assert parse(b"\xef\xbb\xbf" + text(document)) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'"t"',
        b"\xff",
        b'{"accessToken":1}',
        b'{"accessToken":["t"]}',
        b'{"claudeAiOauth":"t"}',
        b'{"claudeAiOauth":{"accessToken":1}}',
        b'{"accessToken":"a\\nb"}',
        '{"accessToken":"żółć"}'.encode(),
        b'{"accessToken":"t","expiresAt":"soon"}',
        b'{"accessToken":"t","refreshToken":1}',
        b'{"accessToken":"t","expiresAt":true}',
    ],
)
def test_malformed_ones_say_so_without_showing_a_token(data: bytes) -> None:
    with pytest.raises(MalformedCredential) as problem:
        parse(data)
    assert "a\nb" not in str(problem.value)


@given(st.binary(max_size=200))
def test_nothing_else_is_ever_raised(data: bytes) -> None:
    with contextlib.suppress(MalformedCredential):
        parse(data)


values = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(["", " ", "tok", "sk-ant-oat01-a"])
)
pairs = st.dictionaries(
    st.sampled_from(
        ["accessToken", "access_token", "oauthToken", "refreshToken", "refresh_token", "expiresAt"]
    ),
    values,
    max_size=4,
)


@given(pairs, pairs, st.booleans())
def test_a_pair_comes_from_one_object_only(
    flat: dict[str, object], nested: dict[str, object], is_nested: bool
) -> None:
    document = {**flat, **({"claudeAiOauth": nested} if is_nested else {})}
    try:
        found = parse(text(document))
    except MalformedCredential:
        return
    if found is None or found.is_logged_out:
        return
    origin = nested if found.nested_key else flat
    said = [str(value).strip() for value in origin.values()]
    assert found.access_token in said
    assert found.refresh_token is None or found.refresh_token in said


def test_repr_shows_no_secret() -> None:
    assert "sk-ant" not in repr(parse(text({"claudeAiOauth": NESTED})))


def write(home: Path, **files: object) -> Path:
    for name, value in files.items():
        path = home / {"dot": ".credentials.json"}.get(name, f"{name}.json")
        path.write_bytes(value if isinstance(value, bytes) else text(value))
    return home


def token(home: Path) -> str | None:
    found = read_directory(home, "anthropic").credential
    return None if found is None else found.access_token


@pytest.mark.parametrize("name", FILE_NAMES)
def test_each_name_is_found(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(text({"accessToken": "tok-a"}))
    assert token(tmp_path) == "tok-a"


def test_order_and_second_choices(tmp_path: Path) -> None:
    assert token(write(tmp_path, auth={"accessToken": "third"}, oauth={"accessToken": "fourth"})) == "third"
    assert token(write(tmp_path, dot={"accessToken": "second"})) == "second"
    assert token(write(tmp_path, credentials={"accessToken": "first"})) == "first"
    assert token(write(tmp_path, config={"accessToken": "sk-ant-oat01-own"})) == "sk-ant-oat01-own"


@pytest.mark.parametrize("foreign", ["eyJhbGciOi.x.y", "ya29.a", "gho_a", "sk-proj-a", "la_sk_a"])
def test_other_vendors_files_are_passed_over(tmp_path: Path, foreign: str) -> None:
    write(tmp_path, credentials={"access_token": foreign}, auth={"accessToken": "tok-a"})
    found = read_directory(tmp_path, "anthropic")
    assert found.credential is not None and found.credential.access_token == "tok-a"
    assert foreign not in "".join(found.warnings) and "credentials.json" in found.warnings[0]


def test_a_bad_file_before_a_good_one_is_skipped_with_a_warning(tmp_path: Path) -> None:
    write(tmp_path, credentials=b"{", auth={"accessToken": "good"})
    (tmp_path / ".credentials.json").mkdir()
    found = read_directory(tmp_path, "anthropic")
    assert found.credential is not None and found.credential.access_token == "good"
    assert len(found.warnings) == 2


def test_why_there_is_none(tmp_path: Path) -> None:
    assert read_directory(tmp_path, "anthropic").problem == f"No credential files found in {tmp_path}"
    assert read_directory(tmp_path / "nowhere", "anthropic").credential is None
    write(tmp_path, auth={"claudeAiOauth": BLANK})
    blank = read_directory(tmp_path, "anthropic")
    assert blank.is_logged_out and blank.credential is None
    write(tmp_path, config={"accessToken": "tok"})
    assert token(tmp_path) == "tok"


def test_a_huge_file_is_not_read_whole(tmp_path: Path) -> None:
    write(tmp_path, auth=b'{"accessToken":"t","x":"' + b"y" * (1 << 20) + b'"}')
    assert "larger than" in read_directory(tmp_path, "anthropic").problem


def test_the_signature_changes_with_every_kind_of_change(tmp_path: Path) -> None:
    seen = {sign_directory(tmp_path)}
    write(tmp_path, dot={"accessToken": "one"})
    seen.add(sign_directory(tmp_path))
    write(tmp_path, dot={"accessToken": "longer"})
    seen.add(sign_directory(tmp_path))
    fresh = tmp_path / "new"
    fresh.write_bytes(text({"accessToken": "shorte"}))
    fresh.replace(tmp_path / ".credentials.json")
    seen.add(sign_directory(tmp_path))
    (tmp_path / ".credentials.json").unlink()
    assert len(seen) == 4 and sign_directory(tmp_path) in seen
