"""Configuration files keep all that is not ours, and what cannot be changed safely is refused."""

from __future__ import annotations

import json
import tomllib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.clients.documents import Form, Json, Toml, Yaml, get
from gateway.clients.errors import ClientError

TABLE = ("model_providers", "ours")
TOML = """# mine
model = "gpt-5"   # the old one
approval_policy = "never"

[model_providers.theirs]
base_url = "https://x.example"

[model_providers.ours]
base_url = "old"

[model_providers.ours.http_headers]
a = "b"

# at the end
[tui]
theme = "dark"
"""


def test_json_keeps_what_else_is_there() -> None:
    text = '{"permissions": {"allow": ["Bash"]}, "env": {"A": "1", "B": "ä"}}'
    changed = Json().put(text, {("env", "A"): "2", ("x", "y"): "z"})
    assert json.loads(changed) == {
        "permissions": {"allow": ["Bash"]},
        "env": {"A": "2", "B": "ä"},
        "x": {"y": "z"},
    }
    assert "ä" in changed


def test_toml_keeps_comments_tables_and_order() -> None:
    changed = Toml().put(
        TOML, {("model",): "claude", ("model_provider",): "ours", TABLE: {"base_url": "new"}}
    )
    document = tomllib.loads(changed)
    assert (document["model"], document["model_provider"]) == ("claude", "ours")
    assert document["model_providers"]["ours"] == {"base_url": "new"}
    assert document["model_providers"]["theirs"] == {"base_url": "https://x.example"}
    for line in ("# mine", 'approval_policy = "never"', "# at the end", 'theme = "dark"'):
        assert line in changed.splitlines()


def test_yaml_keeps_what_else_is_there() -> None:
    text = "# mine\nmodel: gpt-5\nread:\n  - a.md\n  - b.md\ndark-mode: true\n"
    changed = Yaml().put(text, {("model",): "openai/claude", ("show-model-warnings",): False})
    assert yaml.safe_load(changed) == {
        "model": "openai/claude",
        "read": ["a.md", "b.md"],
        "dark-mode": True,
        "show-model-warnings": False,
    }
    assert changed.startswith("# mine\n")


@pytest.mark.parametrize(
    ("form", "text", "entries"),
    [
        (Json(), "// a comment\n{}", {("a",): "b"}),
        (Json(), "[]", {("a",): "b"}),
        (Json(), '{"env": "text"}', {("env", "A"): "b"}),
        (Toml(), "model = ", {("model",): "b"}),
        (Toml(), 'model = """\nfirst\n"""\n', {("model",): "b"}),
        (Toml(), 'model_providers = {ours = {base_url = "x"}}\n', {TABLE: {"base_url": "y"}}),
        (Yaml(), "model:\n  name: x\n", {("model",): "b"}),
        (Yaml(), "model: |\n  text\n", {("model",): "b"}),
    ],
)
def test_what_cannot_be_changed_safely_is_refused(form: Form, text: str, entries: dict) -> None:
    with pytest.raises(ClientError):
        form.put(text, entries)


@pytest.mark.parametrize(
    ("form", "original", "entries"),
    [
        (Json(), '{"env":{"A":"1"},   "b":2}', {("env", "A"): "2", ("env", "C"): "3", ("d", "e"): "f"}),
        (Json(), "", {("env", "A"): "2"}),
        (Toml(), TOML, {("model",): "claude", ("model_provider",): "ours", TABLE: {"base_url": "new"}}),
        (Toml(), "", {("model",): "claude", TABLE: {"base_url": "new"}}),
        (Yaml(), "model: gpt-5 # why\nread:\n  - a.md\n", {("model",): "x", ("openai-api-key",): "k"}),
        (Yaml(), "", {("model",): "x"}),
    ],
)
def test_what_was_put_is_taken_back_to_the_letter(form: Form, original: str, entries: dict) -> None:
    changed = form.put(original, entries)
    assert changed != original
    assert form.restore(changed, original, tuple(entries)) == original


def test_what_was_changed_since_stays() -> None:
    entries = {("env", "A"): "ours", ("env", "C"): "ours"}
    changed = json.loads(Json().put('{"env": {"A": "1"}}', entries))
    changed["theme"] = "dark"
    restored = Json().restore(json.dumps(changed), '{"env": {"A": "1"}}', tuple(entries))
    assert json.loads(restored) == {"env": {"A": "1"}, "theme": "dark"}

    toml = Toml().put("", {("model",): "ours", TABLE: {"a": "b"}}) + '\n[tui]\ntheme = "dark"\n'
    assert tomllib.loads(Toml().restore(toml, "", (("model",), TABLE))) == {"tui": {"theme": "dark"}}

    kept = Yaml().put("model: old\n", {("model",): "ours", ("key",): "k"}) + "dark-mode: true\n"
    assert yaml.safe_load(Yaml().restore(kept, "model: old\n", (("model",), ("key",)))) == {
        "model": "old",
        "dark-mode": True,
    }


def test_a_path_that_is_not_there_is_none() -> None:
    assert get({"a": {"b": 1}}, ("a", "b")) == 1
    assert get({"a": "text"}, ("a", "b")) is None and get({}, ("a",)) is None


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=30)


@given(WORDS, WORDS)
def test_any_value_arrives_as_it_is(first: str, second: str) -> None:
    table = {"base_url": first, "name": second}
    assert (
        tomllib.loads(Toml().put(TOML, {("model",): first, TABLE: table}))["model_providers"]["ours"] == table
    )
    assert json.loads(Json().put("{}", {("a", "b"): first})) == {"a": {"b": first}}
    assert Yaml().read(Yaml().put("x: y\n", {("model",): first}))["model"] == first
