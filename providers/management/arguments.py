"""Declare what `providers` and `routes` take. No Django here: help must be quick."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gateway.kernel.arguments import actions, comma_list

SURFACES = ("messages", "chat_completions", "responses", "bedrock", "vertex")


def providers(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands of `providers`."""
    command = actions(parser)
    command("list", "list every provider, by name")
    _add_provider(command("add", "add or replace a provider; without a new key the stored one stays"))
    for name, text in (
        ("show", "show a provider's record"),
        ("remove", "delete a provider"),
        ("clear", "end the cooldown of a provider's own key, close its circuit breaker"),
        ("test", "ask a provider which models it has"),
    ):
        command(name, text).add_argument("name", metavar="NAME")
    command("import", "add or replace all providers in a file, or none of them").add_argument(
        "path", metavar="PATH", type=Path
    )


def routes(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands of `routes`."""
    command = actions(parser)
    command("list", "list every route, in the order in which they are tried")
    _add_route(command("add", "add a route or replace one"))
    command("remove", "delete a route").add_argument("model", metavar="MODEL")
    test = command("test", "print which providers a call for MODEL would try, in order")
    test.add_argument("model", metavar="MODEL")
    test.add_argument("--surface", default="messages", choices=SURFACES)
    test.add_argument("--provider", metavar="NAME", help="as for a token that is tied to this provider")


def _add_provider(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", required=True, metavar="NAME")
    parser.add_argument(
        "--base-url",
        metavar="URL",
        help="http(s)://host[:port][/path]; clouds have a default, claude-cli has none",
    )
    parser.add_argument(
        "--kind",
        metavar="KIND",
        help="openai-compatible (default), anthropic, gonka, claude-cli, bedrock, vertex, foundry or "
        "anthropic-aws",
    )
    parser.add_argument("--model", dest="default_model", metavar="M", help="for calls that name none")
    parser.add_argument("--models", type=comma_list, metavar="A,B", help="names of models that lead here")
    parser.add_argument(
        "--api-key", metavar="KEY", help="other users of this machine can see it; better: --api-key-stdin"
    )
    parser.add_argument("--api-key-stdin", action="store_true", help="read the key from standard input")
    parser.add_argument("--api-key-env", metavar="VARIABLE", help="the variable that holds the key")
    state = parser.add_mutually_exclusive_group()
    state.add_argument("--enabled", action="store_true", default=None, help="switch the provider on")
    state.add_argument("--disabled", dest="enabled", action="store_false", help="store it, don't call it")
    parser.add_argument("--priority", type=int, metavar="N", help="lower goes first")
    parser.add_argument("--responses", metavar="WORD", help="Responses API: auto, native, translate, or only")
    parser.add_argument("--login", metavar="WORD", help="whose login it is called with: pool, or caller")
    parser.add_argument("--tools", metavar="WORD", help="how tools are described: auto, native, or xml")
    _add_cloud(parser)
    parser.add_argument(
        "--option",
        dest="options",
        type=_option,
        action=_Collect,
        metavar="NAME=VALUE",
        help="an option of its kind",
    )
    parser.add_argument(
        "--header", dest="headers", type=_header, action=_Collect, metavar="NAME:VALUE", help="extra header"
    )


def _add_cloud(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--region", metavar="REGION", help="of bedrock, vertex or anthropic-aws")
    parser.add_argument("--project", metavar="ID", help="of vertex")
    parser.add_argument("--workspace", metavar="ID", help="of anthropic-aws")
    parser.add_argument("--api", metavar="WORD", help="of bedrock: auto, messages, mantle or invoke")
    parser.add_argument(
        "--model-id",
        dest="model_ids",
        type=_option,
        action=_Collect,
        metavar="NAME=ID",
        help="a model's id at the cloud; repeatable",
    )


class _Collect(argparse.Action):
    """An action that collects pairs into one mapping."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        found = dict(getattr(namespace, self.dest) or {})
        found.update([values])
        setattr(namespace, self.dest, found)


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("must be NAME=VALUE")
    return name.strip(), value.strip()


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError("must be NAME:VALUE")
    return name.strip(), value.strip()


def _add_route(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, metavar="PATTERN", help="a name, or a pattern with *")
    parser.add_argument("--provider", required=True, metavar="NAME")
    parser.add_argument("--upstream-model", metavar="M", help="its name at the provider, if different")
    parser.add_argument(
        "--fallback", dest="fallbacks", action="append", type=_fallback, metavar="PROVIDER[:MODEL]"
    )
    parser.add_argument("--priority", type=int, metavar="N", help="lower goes first (default 100)")
    parser.add_argument(
        "--hidden", dest="listed", action="store_false", default=None, help="leave it out of /v1/models"
    )
    parser.add_argument("--display-name", metavar="TEXT")


def _fallback(text: str) -> dict[str, str]:
    provider, _, model = text.partition(":")
    return {"provider": provider, "model": model}
