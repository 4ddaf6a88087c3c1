"""Know the programs that can be set up: where each keeps its configuration, and what has to stand in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.clients.documents import Entries, Form, Json, Toml, Yaml, get

ENTRY = "link-assistant"
LABEL = "Link.Assistant.Router"
"""The name that people see. It must not be `OpenAI`, by which Codex knows its own vendor and asks for its extras."""
USUAL_MODEL = "claude-sonnet-5-5"
PROMPT = "Say hello in one word."
Environment = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Hold what a client needs to know."""

    url: str  # without a path
    token: str
    model: str  # empty: the client's own choice, where it has one


@dataclass(frozen=True, slots=True)
class Client:
    """One program."""

    name: str
    program: str
    file: Callable[[Environment], Path]
    form: Form
    entries: Callable[[Wanted], Entries]
    found: Callable[[Mapping[str, Any]], Wanted | None]
    """Hold what its configuration says of a gateway."""
    surface: Callable[[str], str]
    """The surface that it calls for a model."""
    arguments: Callable[[Path], tuple[str, ...]]
    """What makes it answer one prompt and end, by its file."""
    needs_model: bool = True


def _home(environment: Environment) -> Path:
    return Path(environment.get("HOME") or Path.home())


def _below(variable: str, usual: str, *names: str) -> Callable[[Environment], Path]:
    def file(environment: Environment) -> Path:
        given = environment.get(variable)
        return (Path(given) if given else _home(environment) / usual).joinpath(*names)

    return file


def _wanted(url: object, token: object, model: object = "") -> Wanted | None:
    if not (isinstance(url, str) and isinstance(token, str)):
        return None
    return Wanted(url.rstrip("/").removesuffix("/v1"), token, model if isinstance(model, str) else "")


def _v1(wanted: Wanted) -> str:
    return f"{wanted.url}/v1"


def _claude_code(wanted: Wanted) -> Entries:
    values = {
        "ANTHROPIC_BASE_URL": wanted.url,
        "ANTHROPIC_AUTH_TOKEN": wanted.token,
        "ANTHROPIC_MODEL": wanted.model,
    }
    return {("env", name): value for name, value in values.items() if value}


def _claude_code_found(document: Mapping[str, Any]) -> Wanted | None:
    values = get(document, ("env",)) or {}
    names = ("ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_MODEL")
    return _wanted(*(values.get(name) for name in names))


def _codex(wanted: Wanted) -> Entries:
    provider = {
        "name": LABEL,
        "base_url": _v1(wanted),
        "wire_api": "responses",
        "experimental_bearer_token": wanted.token,
    }
    return {("model",): wanted.model, ("model_provider",): ENTRY, ("model_providers", ENTRY): provider}


def _codex_found(document: Mapping[str, Any]) -> Wanted | None:
    table = get(document, ("model_providers", ENTRY)) or {}
    if document.get("model_provider") != ENTRY:
        return None
    return _wanted(table.get("base_url"), table.get("experimental_bearer_token"), document.get("model"))


def _is_claude(model: str) -> bool:
    return model.startswith("claude")


def _opencode(wanted: Wanted) -> Entries:
    # Both packages are in the program. The first one keeps the vendor's prompt cache in use.
    package = "@ai-sdk/anthropic" if _is_claude(wanted.model) else "@ai-sdk/openai-compatible"
    provider = {
        "npm": package,
        "name": LABEL,
        "options": {"baseURL": _v1(wanted), "apiKey": wanted.token},
        "models": {wanted.model: {"name": wanted.model}},
    }
    return {("provider", ENTRY): provider, ("model",): f"{ENTRY}/{wanted.model}"}


def _opencode_found(document: Mapping[str, Any]) -> Wanted | None:
    options = get(document, ("provider", ENTRY, "options")) or {}
    model = str(document.get("model", ""))
    if not model.startswith(f"{ENTRY}/"):
        return None
    return _wanted(options.get("baseURL"), options.get("apiKey"), model.removeprefix(f"{ENTRY}/"))


def _opencode_surface(model: str) -> str:
    return "messages" if _is_claude(model) else "chat_completions"


AIDER_PREFIX = "openai/"


def _aider(wanted: Wanted) -> Entries:
    return {
        ("model",): f"{AIDER_PREFIX}{wanted.model}",
        ("openai-api-base",): _v1(wanted),
        ("openai-api-key",): wanted.token,
        ("show-model-warnings",): False,  # of every model that its own list has not
    }


def _aider_found(document: Mapping[str, Any]) -> Wanted | None:
    model = str(document.get("model", "")).removeprefix(AIDER_PREFIX)
    return _wanted(document.get("openai-api-base"), document.get("openai-api-key"), model)


CLINE = ("providers", "openai-compatible")


def _cline(wanted: Wanted) -> Entries:
    settings = {
        "provider": CLINE[1],
        "apiKey": wanted.token,
        "model": wanted.model,
        "baseUrl": _v1(wanted),
    }
    # Without the moment and the source the program takes the file for damaged.
    provider = {"settings": settings, "updatedAt": "2026-01-01T00:00:00.000Z", "tokenSource": "manual"}
    return {("version",): 1, ("lastUsedProvider",): CLINE[1], CLINE: provider}


def _cline_found(document: Mapping[str, Any]) -> Wanted | None:
    settings = get(document, (*CLINE, "settings")) or {}
    if document.get("lastUsedProvider") != CLINE[1]:
        return None
    return _wanted(settings.get("baseUrl"), settings.get("apiKey"), settings.get("model"))


QWEN_VARIABLE = "LINK_ASSISTANT_TOKEN"
QWEN = ("modelProviders", "openai")


def _qwen_code(wanted: Wanted) -> Entries:
    model = {
        "id": wanted.model,
        "name": wanted.model,
        "envKey": QWEN_VARIABLE,
        "baseUrl": _v1(wanted),
    }
    return {
        ("env", QWEN_VARIABLE): wanted.token,
        QWEN: [model],
        ("security", "auth", "selectedType"): "openai",
        ("model", "name"): wanted.model,
    }


def _qwen_code_found(document: Mapping[str, Any]) -> Wanted | None:
    listed = get(document, QWEN)
    token, model = get(document, ("env", QWEN_VARIABLE)), get(document, ("model", "name"))
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and entry.get("envKey") == QWEN_VARIABLE and entry.get("id") == model:
            return _wanted(entry.get("baseUrl"), token, model)
    return None


def _given(*arguments: str) -> Callable[[Path], tuple[str, ...]]:
    return lambda file: (*arguments, PROMPT)


def _always(surface: str) -> Callable[[str], str]:
    return lambda model: surface


CLIENTS = {
    client.name: client
    for client in (
        Client(
            "claude-code",
            "claude",
            _below("CLAUDE_CONFIG_DIR", ".claude", "settings.json"),
            Json(),
            _claude_code,
            _claude_code_found,
            _always("messages"),
            _given("-p"),
            needs_model=False,
        ),
        Client(
            "codex",
            "codex",
            _below("CODEX_HOME", ".codex", "config.toml"),
            Toml(),
            _codex,
            _codex_found,
            _always("responses"),
            _given("exec", "--skip-git-repo-check"),
        ),
        Client(
            "opencode",
            "opencode",
            _below("XDG_CONFIG_HOME", ".config", "opencode", "opencode.json"),
            Json(),
            _opencode,
            _opencode_found,
            _opencode_surface,
            _given("run"),
        ),
        Client(
            "aider",
            "aider",
            _below("", "", ".aider.conf.yml"),
            Yaml(),
            _aider,
            _aider_found,
            _always("chat_completions"),
            _given("--no-git", "--chat-mode", "ask", "--no-check-update", "--message"),
        ),
        Client(
            "cline",
            "cline",
            _below("CLINE_DATA_DIR", ".cline/data", "settings", "providers.json"),
            Json(),
            _cline,
            _cline_found,
            _always("chat_completions"),
            # Told where its data is, it starts no service that outlives it.
            lambda file: ("--data-dir", str(file.parent.parent), PROMPT),
        ),
        Client(
            "qwen-code",
            "qwen",
            _below("", "", ".qwen", "settings.json"),
            Json(),
            _qwen_code,
            _qwen_code_found,
            _always("chat_completions"),
            _given("-p"),
        ),
    )
}
