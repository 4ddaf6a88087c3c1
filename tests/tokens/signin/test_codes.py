"""Codes and refresh tokens: hard to guess, easy to type, known without being kept."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokens.signin import codes

SECRET = "a-secret-of-this-test"


def test_codes_are_long_enough_and_of_the_right_letters() -> None:
    made = {codes.user_code() for _ in range(500)}
    assert len(made) == 500
    assert all(len(code) == 9 and code[4] == "-" and set(code) <= {*codes.LETTERS, "-"} for code in made)
    assert len(codes.device_code()) == len(codes.DEVICE_PREFIX) + 43  # 256 bits
    assert len(codes.sha256("x")) == 64


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("WDJB-MJHT", "WDJB-MJHT"),
        ("wdjbmjht", "WDJB-MJHT"),
        ("  wdjb mjht\t", "WDJB-MJHT"),
        ("w-d-j-b–m.j h_t", "WDJB-MJHT"),
        ("WDJB-MJH", ""),
        ("WDJB-MJHTX", ""),
        ("WDJA-MJHT", ""),
        ("WDJB/MJHT", ""),
        ("ＷDJB-MJHT", ""),
        ("", ""),
        ("W" * 65, ""),
    ],
)
def test_a_code_is_read_however_it_was_typed(text: str, code: str) -> None:
    assert codes.typed(text) == code


@given(st.text())
def test_nothing_else_is_a_code(text: str) -> None:
    found = codes.typed(text)
    assert found == "" or codes.typed(found) == found


def test_a_refresh_token_can_be_made_again_and_tells_its_generation() -> None:
    sign_in = uuid.uuid4()
    made = codes.refresh_token(sign_in, 3, SECRET)
    assert made == codes.refresh_token(sign_in, 3, SECRET)
    assert codes.read_refresh_token(made, SECRET) == (sign_in, 3)
    others = (codes.refresh_token(sign_in, 4, SECRET), codes.refresh_token(uuid.uuid4(), 3, SECRET))
    assert made not in others


@given(st.integers(min_value=0, max_value=74), st.sampled_from("ABCDabcd-_0189~é\0"))
def test_a_changed_refresh_token_is_none(place: int, letter: str) -> None:
    made = codes.refresh_token(uuid.UUID(int=7), 1, SECRET)
    spot = len(codes.REFRESH_PREFIX) + place
    changed = made[:spot] + letter + made[spot + 1 :]
    assert (codes.read_refresh_token(changed, SECRET) is None) == (changed != made)


@given(st.text() | st.text(alphabet="la_rt-ABCabc019").map(codes.REFRESH_PREFIX.__add__))
def test_anything_else_is_no_refresh_token(text: str) -> None:
    assert codes.read_refresh_token(text, SECRET) is None


def test_another_secret_reads_nothing() -> None:
    assert codes.read_refresh_token(codes.refresh_token(uuid.uuid4(), 0, "another"), SECRET) is None


def test_a_refresh_token_has_one_spelling() -> None:
    sign_ins = (uuid.uuid4() for _ in range(1000))
    tokens = (codes.refresh_token(sign_in, 1, SECRET) for sign_in in sign_ins)
    whole = next(token for token in tokens if {"-", "_"} <= set(token[len(codes.REFRESH_PREFIX) :]))
    body = whole.removeprefix(codes.REFRESH_PREFIX)
    assert codes.read_refresh_token(whole, SECRET) is not None
    for other in (body.replace("-", "+"), body.replace("_", "/"), body + "=", body + "==", f"{body[:-1]}\n"):
        assert codes.read_refresh_token(codes.REFRESH_PREFIX + other, SECRET) is None
