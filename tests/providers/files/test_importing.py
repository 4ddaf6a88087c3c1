"""The four forms, as the reference reads them; what is wrong is told with its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.errors import BadImport
from providers.files.importing import EMPTY, parse


def fields(text: str) -> list[dict[str, object]]:
    return [entry.fields for entry in parse(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"providers":[{"name":"a"},{"name":"b"}]}', [{"name": "a"}, {"name": "b"}]),
        ('{"name":"a","base_url":"http://a"}', [{"name": "a", "base_url": "http://a"}]),
        ('[{"name":"a"}]', [{"name": "a"}]),
        ("[]", []),
        (
            "a\n  kind bedrock\n  region eu-west-1\n  model_ids x=arn:aws:y/z, b=c\n",
            [
                {
                    "name": "a",
                    "kind": "bedrock",
                    "region": "eu-west-1",
                    "model_ids": {"x": "arn:aws:y/z", "b": "c"},
                }
            ],
        ),
        ('{"providers":[]}', []),
        ('{"name":"a","base_url":"u","providers":[]}', []),
        ('{"note":{"providers":[1]},"providers":[{"name":"a"}]}', [{"name": "a"}]),
        ('\n  {"name":"a"}', [{"name": "a"}]),
        ('\ufeff[{"name":"a"}]', [{"name": "a"}]),
        ('# c\nPROVIDER: {"name":"a","kind":"litellm"}\nother: z\n', [{"name": "a", "kind": "litellm"}]),
    ],
)
def test_json_and_store_lines(text: str, expected: list[dict[str, object]]) -> None:
    assert fields(text) == expected


def test_indented_lines() -> None:
    text = (
        'litellm\n  kind "openai-compatible"\n  base-url "http://litellm:4000/v1/"\n  model "claude-sonnet"\n'
        '  models "claude-sonnet, gpt-4o,"\n  api-key-env "LITELLM_MASTER_KEY"\n  api-key "sk \\"x"\n'
        '  enabled "no"\n\n# c\nsecond\r\n\tbase_url http://s\n\tenabled yes\n\tapi_key  plain # not comment\n'
        '  default-model "m\n'
    )
    assert fields(text) == [
        {
            "name": "litellm",
            "kind": "openai-compatible",
            "base_url": "http://litellm:4000/v1/",
            "default_model": "claude-sonnet",
            "models": ["claude-sonnet", "gpt-4o"],
            "api_key_env": "LITELLM_MASTER_KEY",
            "api_key": 'sk \\"x',
            "enabled": False,
        },
        {
            "name": "second",
            "base_url": "http://s",
            "enabled": True,
            "api_key": "plain # not comment",
            "default_model": '"m',
        },
    ]


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        ("", EMPTY, None),
        ("   \n", EMPTY, None),
        ("\n{bad}", "provider JSON error", 2),
        ('{"a":1} x', "something follows", 1),
        ("[1]", "must be an object", 1),
        ('[{"name":"a"},\n 2]', "must be an object", 2),
        ('{\n"providers":{}}', "must be an array", 2),
        ("#\nPROVIDER: bad", "provider JSON error", 2),
        ("PROVIDER: []", "must be an object", 1),
        ("a\n  base_url http://a\n  foo bar\n", "unknown provider field: foo", 3),
        ("litellm:\n  base_url: http://x\n", "unknown provider field: base_url:", 2),
        ("a\n  encrypted_api_key x\n", "unknown provider field: encrypted_api_key", 2),
        ("  base_url x\n", "indented provider field without provider name", 1),
        ("a\n  base_url\n", "provider field must be key value: base_url", 2),
        ("a\n  enabled maybe\n", "enabled must be true or false", 2),
        ("[" * 100_000, "provider JSON error", None),
    ],
)
def test_what_is_wrong_and_where(text: str, problem: str, line: int | None) -> None:
    with pytest.raises(BadImport) as caught:
        parse(text)
    assert problem in str(caught.value)
    if line is not None:
        assert caught.value.line == line and str(caught.value).endswith(f"(line {line})")


def test_lines_of_json_entries() -> None:
    text = '{"providers": [\n  {"name": "a",\n   "models": ["]", "}"]},\n\n  {"name": "b"}\n]}'
    assert [entry.line for entry in parse(text)] == [2, 5]


@given(st.text(max_size=60))
def test_whatever_is_read_is_read_or_refused(text: str) -> None:
    try:
        entries = parse(text)
    except BadImport:
        return
    assert all(entry.line >= 1 for entry in entries)


def test_keys_do_not_show() -> None:
    assert "CANARY" not in repr(parse("a\n  api_key CANARY"))
