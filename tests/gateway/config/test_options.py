"""Kinds of options: what each takes and refuses, beyond the cases of test_env."""

from typing import get_args, get_origin, get_type_hints

import pytest

from gateway.config import options
from gateway.config.table import Options, table


@pytest.mark.parametrize("raw", ["http://h", "https://h:8443/v1/", "http://[::1]:1", "HTTP://h"])
def test_urls(raw: str) -> None:
    assert table()["UPSTREAM_BASE_URL"].parse(raw) == raw


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "x",
        "ftp://h",
        "http://",
        "http://h:99999",
        "http://h?a=b",
        "http://h#f",
        "http://u@h",
        " http://h",
    ],
)
def test_no_urls(raw: str) -> None:
    with pytest.raises(ValueError):
        table()["UPSTREAM_BASE_URL"].parse(raw)


@pytest.mark.parametrize("raw", ["-1", "1.5", "", " 1", "1_000", "²", "0x10"])
def test_no_whole_numbers(raw: str) -> None:
    with pytest.raises(ValueError):
        table()["MAX_BODY_BYTES"].parse(raw)


@pytest.mark.parametrize("raw", ["-0.1", "inf", "nan", "", "1 ", "1s"])
def test_no_seconds(raw: str) -> None:
    with pytest.raises(ValueError):
        table()["DRAIN_SECONDS"].parse(raw)


def test_every_default_is_a_value_that_its_own_parser_takes() -> None:
    for name, option in table().items():
        if option.default_text and not option.default_text.startswith("$HOME"):
            option.parse(option.default_text)
        assert option.help.endswith("."), name


def test_every_default_is_of_the_type_that_the_table_says() -> None:
    defaults, types = Options(), get_type_hints(Options)
    for name in table():
        value, wanted = getattr(defaults, name), types[name]
        assert type(value) is get_origin(wanted) or isinstance(value, wanted), name
        for item in value if isinstance(value, tuple) else ():
            assert isinstance(item, get_args(wanted)[0]), name


def test_spellings_of_a_choice() -> None:
    option = table()["UPSTREAM_PROVIDER"]
    assert option.values == ("anthropic", "gonka", "crater", "openai-compatible")
    spelt = {word: option.parse(word) for word in ("claude", "forgefed", "openai_like", "LiteLLM", "gonka")}
    assert spelt == {
        "claude": "anthropic",
        "forgefed": "crater",
        "openai_like": "openai-compatible",
        "LiteLLM": "openai-compatible",
        "gonka": "gonka",
    }
    with pytest.raises(ValueError):
        option.parse("|")


def test_names_of_files_are_for_secrets() -> None:
    secret = table()["TOKEN_ADMIN_KEY"]
    assert (secret.file_name, secret.file_flag) == ("TOKEN_ADMIN_KEY_FILE", "--admin-key-file")
    assert options.TRUE_WORDS + options.FALSE_WORDS == ("true", "1", "yes", "on", "false", "0", "no", "off")
