"""`.lenv` as the reference reads it, `.env` as django-environ does: contents and the value seen (None: not set)."""

import logging
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import reading
from gateway.config.reading import read_env, read_lenv

LENV = [
    ("X: 1", ""),
    ("KEY: plain", "plain"),
    ("KEY:nospace", ""),
    ("KEY:  two", " two"),
    ("KEY: trailing  ", "trailing  "),
    ('KEY: "quoted"', '"quoted"'),
    ("KEY: 'q'", "'q'"),
    ("KEY: a # c", "a # c"),
    ("KEY: a: b", "a: b"),
    ("  KEY: indented", "indented"),
    ("KEY : spacekey", "spacekey"),
    ('"KEY": qkey', ""),
    ("KEY: a\nKEY: b", "b"),
    ("# KEY: c", ""),
    ("  # KEY: c", ""),
    ("KEY=eq", ""),
    ("KEY: x=y", "x=y"),
    ("export KEY: e", ""),
    ("KEY: a\\nb", "a\\nb"),
    ("KEY: $HOME ${HOME}", "$HOME ${HOME}"),
    ("KEY:\tv", ""),
    ("KEY: \tv", "\tv"),
    ("KEY: v\r\n", "v"),
    ("KEY: é", "é"),
    ("- KEY: v", ""),
    ("(KEY: v)", ""),
    ("(KEY v)", ""),
    ("KEY v", ""),
    ('KEY "v"', ""),
    ("KEY:", ""),
    ("KEY: ", ""),
    ("KEY", ""),
    ("crater-forgefed-inbox: v", ""),
    ("crater_forgefed_inbox: v", ""),
    ("KEY:: v", ""),
    ("KEY: |\n  multi\n  line", "|"),
    ("\ufeffKEY: bom", ""),
    ("KEY: a\n\n\nTOKEN_ADMIN_KEY: k", "a"),
    ("aKEY: v", ""),
    ('KEY: "a', '"a'),
    ("TOKEN_ADMIN_KEY: k: l\nKEY: z", "z"),
    ("x y: z\nKEY: ok", "ok"),
    ("KEY: a\nKEY=b", "a"),
]
ENV = [
    ("ROUTER_PORT=1111", None),
    ("KEY=plain", "plain"),
    ("export KEY=e", "e"),
    ('KEY="q q"', "q q"),
    ("KEY='q q'", "q q"),
    ("KEY=a b", "a b"),
    ('KEY="a # c"', "a # c"),
    ("KEY=a#c", "a#c"),
    ('KEY="a\\"b"', 'a"b'),
    ("KEY=a=b", "a=b"),
    ("KEY=a;b", "a;b"),
    ("KEY=`cmd`", "`cmd`"),
    ("KEY=é", "é"),
    ("KEY=", ""),
    ('KEY=""', ""),
    ("KEY=v\r\n", "v"),
    ("# KEY=c", None),
    ("KEY: yaml", None),
    ("KEY", None),
    ("bad line\nKEY=ok", "ok"),
    ("KEY=ok\nbad line\nTOKEN_ADMIN_KEY=k", "ok"),
    ("A B=c\nKEY=ok", "ok"),
    ("\ufeffKEY=bom", None),
]
DIFFERENT_ENV = [
    ("KEY=a\nKEY=b", "b"),
    ("KEY=$HOME", "$HOME"),
    ("KEY=${HOME}x", "${HOME}x"),
    ("FOO=1\nKEY=${FOO}2", "${FOO}2"),
    ("KEY=$UNDEF!", "$UNDEF!"),
    ("KEY='q $HOME'", "q $HOME"),
    ('KEY="e $HOME \\n x"', "e $HOME \\n x"),
    ("KEY=a\\nb", "a\\nb"),
    ("KEY=\\$x", "\\$x"),
    ("KEY=a # c", "a # c"),
    ("KEY=a  ", "a  "),
    ("KEY='a'b'", "a'b"),
    ("KEY = sp", None),
    ("  KEY=indent", None),
    ('KEY="multi\nline"', '"multi'),
    ('KEY="unterminated', '"unterminated'),
    ("1KEY=x\nA.KEY=y\nKEY=ok", "ok"),
]
"""What the reference reads otherwise; rows of docs/deviations.md."""


@pytest.mark.parametrize(("content", "value"), LENV)
def test_lenv_line(content: str, value: str) -> None:
    assert read_lenv(content).get("KEY", "") == value


@pytest.mark.parametrize(("content", "value"), ENV + DIFFERENT_ENV)
def test_env_line(content: str, value: str | None) -> None:
    assert read_env(content).get("KEY") == value


@pytest.mark.parametrize("line", [": v", "=: z", "A=B: v", "KEY: a\0b"])
def test_lenv_line_that_names_no_variable_is_skipped(line: str) -> None:
    """The reference aborts here."""
    assert read_lenv(f"{line}\nPORT: 1") == {"PORT": "1"}


def test_the_last_duplicate_wins_in_both() -> None:
    assert read_lenv("A: 1\nA: 2") == {"A": "2"}
    assert read_env("A=1\nA=2") == {"A": "2"}


def test_env_open_quote_costs_its_own_line_only() -> None:
    assert read_env('A="open\nB=2') == {"A": '"open', "B": "2"}


def test_a_key_of_several_lines_is_written_on_one() -> None:
    found = read_env('ACTIVITYPUB_PUBLIC_KEY_PEM="-----BEGIN\\nA\\n-----END"\nMPP_METHOD="a\\nb"')
    assert found == {"ACTIVITYPUB_PUBLIC_KEY_PEM": "-----BEGIN\nA\n-----END", "MPP_METHOD": "a\\nb"}


def test_env_is_not_read_into_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONLY_IN_THE_FILE", raising=False)
    assert read_env("ONLY_IN_THE_FILE=1\nPATH=2") == {"ONLY_IN_THE_FILE": "1", "PATH": "2"}
    assert "ONLY_IN_THE_FILE" not in os.environ and os.environ["PATH"] != "2"


def test_a_bad_line_is_told_by_its_number_and_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    assert read_env("A=1\n\n# comment\n  # indented\n \nTOKEN_SECRET: canary\nTOKEN_SECRET = canary\n") == {
        "A": "1"
    }
    assert [record.getMessage() for record in caplog.records] == [
        ".env: line 6 is no KEY=value and is skipped",
        ".env: line 7 is no KEY=value and is skipped",
    ]
    caplog.clear()
    assert not logging.getLogger("environ.environ").filters  # of one reading, for that reading


LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
BROKEN = [
    b"ROUTER_PORT=1\nMPP_METHOD=a\0b\n",
    b"ROUTER_PORT=1\nMPP_METHOD=\xff\n",
    b"\0\0\0",
    b"\xff\xfe\0",
    b"\x1f\x8b\x08 = : \r\r\n\x0c\x85",
    b"=\n: \n\"\n'\nexport\nexport =\n",
    "MPP_METHOD=\u20ac\n\u2028A=1\u2029".encode(),
    b"",
]


@pytest.mark.parametrize("content", BROKEN)
@pytest.mark.parametrize("name", [".env", ".lenv"])
def test_broken_bytes_stop_no_start(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content.replace(b"=", b": ") if name == ".lenv" else content)
    before = dict(os.environ)
    try:
        reading.load_files(tmp_path, os.environ)  # the process's own: it refuses what the system can't hold
        reading.load(os.environ)
    finally:
        for added in set(os.environ) - set(before):
            del os.environ[added]


def test_a_file_that_can_not_be_read_is_none(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    (tmp_path / ".lenv").symlink_to(tmp_path / ".lenv")
    environment: dict[str, str] = {}
    reading.load_files(tmp_path, environment)
    assert environment == {}


@given(st.text(alphabet="AB=: #'\"\\$\n{}x", max_size=40))
def test_any_text_is_read_without_an_error(content: str) -> None:
    read_lenv(content)
    read_env(content)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\n\r\0'"), max_size=40))
def test_a_lenv_value_comes_back_as_it_was(value: str) -> None:
    assert read_lenv(f"KEY: {value}") == {"KEY": value}


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters=LINE_ENDS), max_size=40))
def test_a_quoted_value_comes_back_as_it_was(value: str) -> None:
    assert read_env(f"KEY='{value}'") == {"KEY": value}
