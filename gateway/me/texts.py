"""Write down how each client is set up, for bash and for PowerShell, so that it can be pasted as it stands."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from typing import NamedTuple

YOUR_TOKEN = "YOUR_TOKEN"  # noqa: S105 - stands where a secret is not at hand
YOUR_MODEL = "YOUR_MODEL"
HELLO = "Say hello"
PLAIN = re.compile(r"[A-Za-z0-9._:/@+-]+")
"""What no shell reads as anything but a name."""


class Shell(NamedTuple):
    """Hold what is pasted into one shell."""

    name: str
    title: str
    text: str


class Client(NamedTuple):
    """One client. `name` is that of the page's hook."""

    name: str
    title: str
    shells: tuple[Shell, Shell]


class Given(NamedTuple):
    """What is filled in: our address without a slash at its end, a token's secret, the models that it may use."""

    base: str
    secret: str
    models: Sequence[str]

    def model(self, *wanted: str) -> str:
        """Return a model whose name has the first of these words that any has, else the first one."""
        plain = [name for name in self.models if PLAIN.fullmatch(name)]
        for word in wanted:
            for name in plain:
                if word in name:
                    return name
        return plain[0] if plain else YOUR_MODEL


def clients(base: str, models: Sequence[str], secret: str = YOUR_TOKEN) -> list[Client]:
    """Return the texts of every client."""
    given = Given(base, secret, models)
    return [
        _claude_code(given),
        _codex(given),
        _opencode(given),
        _openai(given),
        _anthropic(given),
        _curl(given),
    ]


def _claude_code(given: Given) -> Client:
    names = {"ANTHROPIC_BASE_URL": given.base, "ANTHROPIC_AUTH_TOKEN": given.secret}
    if given.models and not any("claude" in name for name in given.models):
        names["ANTHROPIC_MODEL"] = given.model()
    return _client("claude-code", "Claude Code", names, ("claude", "claude"))


def _codex(given: Given) -> Client:
    model = given.model("gpt", "sonnet")
    provider = (
        f"{{name='gateway', base_url='{given.base}/v1', env_key='GATEWAY_TOKEN', wire_api='responses'}}"
    )
    command = f"""codex -c "model='{model}'" -c "model_provider='gateway'" -c "model_providers.gateway={provider}\""""
    return _client("codex", "Codex", {"GATEWAY_TOKEN": given.secret}, (command, command))


def _opencode(given: Given) -> Client:
    model = given.model("sonnet")
    options = {"baseURL": f"{given.base}/v1", "apiKey": given.secret}
    gateway = {"npm": "@ai-sdk/anthropic", "options": options, "models": {model: {}}}
    told = json.dumps({"provider": {"gateway": gateway}, "model": f"gateway/{model}"})
    return _client("opencode", "opencode", {"OPENCODE_CONFIG_CONTENT": told}, ("opencode", "opencode"))


def _openai(given: Given) -> Client:
    names = {"OPENAI_BASE_URL": f"{given.base}/v1", "OPENAI_API_KEY": given.secret}
    lines = (
        "from openai import OpenAI",
        "",
        "answer = OpenAI().chat.completions.create(",
        f'    model={json.dumps(given.model("gpt", "sonnet"))}, messages=[{{"role": "user", "content": "{HELLO}"}}]',
        ")",
        "print(answer.choices[0].message.content)",
    )
    return _client("openai", "OpenAI SDK (Python)", names, _python("openai", lines))


def _anthropic(given: Given) -> Client:
    names = {"ANTHROPIC_BASE_URL": given.base, "ANTHROPIC_AUTH_TOKEN": given.secret}
    lines = (
        "from anthropic import Anthropic",
        "",
        "answer = Anthropic().messages.create(",
        f"    model={json.dumps(given.model('sonnet'))}, max_tokens=100,",
        f'    messages=[{{"role": "user", "content": "{HELLO}"}}],',
        ")",
        "print(answer.content[0].text)",
    )
    return _client("anthropic", "Anthropic SDK (Python)", names, _python("anthropic", lines))


def _curl(given: Given) -> Client:
    told = {
        "model": given.model("sonnet"),
        "max_tokens": 100,
        "messages": [{"role": "user", "content": HELLO}],
    }
    body, url = json.dumps(told), f"{given.base}/v1/messages"
    bash = (
        f"curl {shlex.quote(url)} \\\n"
        f"  -H {shlex.quote(f'Authorization: Bearer {given.secret}')} \\\n"
        f"  -H 'anthropic-version: 2023-06-01' -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(body)}"
    )
    headers = (
        f"@{{ Authorization = {_single(f'Bearer {given.secret}')}; 'anthropic-version' = '2023-06-01' }}"
    )
    power = (
        f"Invoke-RestMethod -Method Post -Uri {_single(url)} -ContentType 'application/json' `\n"
        f"  -Headers {headers} `\n"
        f"  -Body {_single(body)}"
    )
    return Client("curl", "curl", _shells(bash, power))


def _client(name: str, title: str, names: dict[str, str], commands: tuple[str, str]) -> Client:
    """Return a client that is set up by variables and then started."""
    bash = [f"export {variable}={shlex.quote(value)}" for variable, value in names.items()]
    power = [f"$env:{variable} = {_single(value)}" for variable, value in names.items()]
    return Client(name, title, _shells("\n".join([*bash, commands[0]]), "\n".join([*power, commands[1]])))


def _python(package: str, lines: Sequence[str]) -> tuple[str, str]:
    text = "\n".join(lines)
    once = f"# once: python3 -m pip install {package}\n"
    return (
        f"{once}python3 - <<'END'\n{text}\nEND",
        f"{once.replace('python3', 'python')}@'\n{text}\n'@ | python -",
    )


def _shells(bash: str, power: str) -> tuple[Shell, Shell]:
    return Shell("bash", "bash, zsh", bash), Shell("powershell", "PowerShell", power)


def _single(text: str) -> str:
    """Quote a text for PowerShell."""
    return "'" + text.replace("'", "''") + "'"
