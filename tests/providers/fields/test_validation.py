"""Every field's rules, with the reference's words where it has some."""

from __future__ import annotations

import pytest

from providers.errors import BadProvider
from providers.fields.validation import CHECKS, clean


@pytest.mark.parametrize(
    "word", ["openai", "OpenAI-Compatible", "open-a-i-compatible", "openai_like", "litellm", ""]
)
def test_spellings_of_the_kind(word: str) -> None:
    assert CHECKS["kind"](word) == "openai-compatible"
    assert CHECKS["kind"]("Anthropic") == "anthropic"


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("name", "  ", "name is required"),
        ("name", "b ad", "name may contain only ASCII letters, digits, dash, underscore, and dot"),
        ("name", "é", "name may contain only ASCII letters, digits, dash, underscore, and dot"),
        ("name", "n" * 65, "at most 64"),
        ("name", 5, "must be a string"),
        ("base_url", "u", "base_url must be"),
        ("base_url", "ftp://h", "base_url must be"),
        ("base_url", "http://", "base_url must be"),
        ("base_url", "http://user:pw@h", "base_url must be"),
        ("base_url", "http://@h", "base_url must be"),
        ("base_url", "http://h?x=1", "base_url must be"),
        ("base_url", "http://h/#x", "base_url must be"),
        ("base_url", "http://h:99999", "base_url must be"),
        ("base_url", "http://h:0", "base_url must be"),
        ("base_url", "http://h\\@evil", "base_url must be"),
        ("base_url", "http://h/a b", "base_url must be"),
        ("base_url", "http://h\n/x", "base_url must be"),
        ("kind", "crater", "can't be stored"),
        ("options", [], "object of strings"),
        ("options", {"mode": 1}, "options: option 'mode' must be a text of one line"),
        ("headers", {"x-a": 1}, "headers: the value of x-a must be a text of one line"),
        ("headers", {"a b": "c"}, "headers: 'a b' can't be a header's name"),
        ("default_model", "a\0b", "default_model is no Unicode text"),
        ("models", ["m", "\0"], "models is no Unicode text"),
        ("options", {"mode": "a\nb"}, "text of one line"),
        ("kind", "zzz", "unknown kind"),
        ("models", "a,b", "list of strings"),
        ("models", [1], "list of strings"),
        ("api_key", "a\nb", "line breaks"),
        ("api_key_env", "A=B", "name of a variable"),
        ("enabled", "false", "true or false"),
        ("priority", -1, "whole number"),
        ("priority", True, "whole number"),
        ("responses", "maybe", "one of auto"),
        ("login", "mine", "one of pool, caller"),
        ("idle_timeout_seconds", 0, "more than 0"),
        ("idle_timeout_seconds", float("nan"), "more than 0"),
        ("idle_timeout_seconds", "5", "number of seconds"),
        ("headers", [], "object of strings"),
        ("headers", {"a b": "x"}, "header's name"),
        ("headers", {"Authorization": "x"}, "api_key"),
        ("headers", {"host": "x"}, "set by the gateway"),
        ("headers", {"x-a": "b\r\nx-c: d"}, "one line"),
        ("headers", {"x-a": 1}, "one line"),
        ("headers", {"anthropic-beta": "x,files-api-2025-04-14"}, "files API"),
    ],
)
def test_what_is_refused(field: str, value: object, text: str) -> None:
    with pytest.raises(BadProvider, match=r"^invalid provider config: ") as caught:
        clean({field: value})
    assert text in caught.value.problem and caught.value.field == field


def test_what_is_taken_as_it_is() -> None:
    given = {
        "name": " sp ",
        "base_url": " http://h:8080/v1/// ",
        "default_model": "  ",
        "models": ["", " a "],
        "api_key": "  ключ é ",
        "unknown": 1,
    }
    assert clean(given) == {
        "name": "sp",
        "base_url": "http://h:8080/v1",
        "default_model": "  ",
        "models": ["", " a "],
        "api_key": "  ключ é ",
    }


def test_ipv6_and_long_paths_are_urls() -> None:
    assert CHECKS["base_url"]("https://[::1]:4000/a/b/v1/") == "https://[::1]:4000/a/b/v1"
