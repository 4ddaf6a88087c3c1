"""`.lenv` and `.env` as the reference reads them: contents and the value it then saw (empty: not set)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.envfiles import read_env, read_lenv

KNOWN = {"HOME": "/home", "TOKEN_SECRET": "s"}

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
    ("ROUTER_PORT=1111", ""),
    ("KEY=plain", "plain"),
    ("KEY = sp", "sp"),
    ('KEY="q q"', "q q"),
    ("KEY='q $HOME'", "q $HOME"),
    ('KEY="e $HOME \\n x"', "e /home \n x"),
    ("KEY=$HOME", "/home"),
    ("KEY=${HOME}x", "/homex"),
    ("export KEY=e", "e"),
    ("KEY=a # c", "a"),
    ("KEY=a#c", "a#c"),
    ('KEY="a # c"', "a # c"),
    ("KEY=a b", ""),
    ("# KEY=c", ""),
    ("KEY=", ""),
    ('KEY=""', ""),
    ("KEY: yaml", ""),
    ("KEY=a\nKEY=b", "a"),
    ("bad line\nKEY=ok", "ok"),
    ('KEY="multi\nline"', "multi\nline"),
    ("KEY=a=b", "a=b"),
    ("  KEY=indent", "indent"),
    ("KEY=\\$x", "$x"),
    ("KEY=a\\nb", "a\nb"),
    ("KEY=é", "é"),
    ('KEY="unterminated', ""),
    ("\ufeffKEY=bom", ""),
    ("A B=c\nKEY=ok", "ok"),
    ("KEY=ok\nbad line\nTOKEN_ADMIN_KEY=k", "ok"),
    ("KEY=v\r\n", "v"),
    ("KEY='a'b'", ""),
    ("KEY=`cmd`", "`cmd`"),
    ("KEY=$UNDEF!", "!"),
    ("FOO=1\nKEY=${FOO}2", "12"),
    ("1A=x\nKEY=ok", "ok"),
    ("KEY=a;b", "a;b"),
    ('KEY="a\\"b"', 'a"b'),
    ("KEY", ""),
]


@pytest.mark.parametrize(("content", "value"), LENV)
def test_lenv_line(content: str, value: str) -> None:
    assert read_lenv(content).get("KEY", "") == value


@pytest.mark.parametrize(("content", "value"), ENV)
def test_env_line(content: str, value: str) -> None:
    assert read_env(content, KNOWN).get("KEY", "") == value


@pytest.mark.parametrize("line", [": v", "=: z", "A=B: v", "KEY: a\0b"])
def test_lenv_line_that_names_no_variable_is_skipped(line: str) -> None:
    """The reference aborts here."""
    assert read_lenv(f"{line}\nPORT: 1") == {"PORT": "1"}


def test_lenv_last_duplicate_wins_and_env_first() -> None:
    assert read_lenv("A: 1\nA: 2") == {"A": "2"}
    assert read_env("A=1\nA=2", {}) == {"A": "1"}


def test_env_open_quote_costs_its_own_line_only() -> None:
    assert read_env('A="open\nB=2', {}) == {"B": "2"}


def test_env_variables_come_from_outside_before_earlier_lines() -> None:
    assert read_env("A=file\nB=$A", {"A": "outside"})["B"] == "outside"


@given(st.text(alphabet="AB=: #'\"\\$\n{}x", max_size=40))
def test_any_text_is_read_without_an_error(content: str) -> None:
    read_lenv(content)
    read_env(content, KNOWN)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\n\r\0'"), max_size=40))
def test_a_quoted_or_lenv_value_comes_back_as_it_was(value: str) -> None:
    assert read_lenv(f"KEY: {value}") == {"KEY": value}
    assert read_env(f"KEY='{value}'", {}) == {"KEY": value}
