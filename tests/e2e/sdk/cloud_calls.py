"""Send calls by a cloud's own client, and each of them by the plain one, to where standard input says.

As a process of its own, so that the SDK may be another than the environment's. Prints the SDK's version.
"""

import json
import sys
from typing import Any

import anthropic


def client_of(way: str, told: dict[str, Any]) -> Any:
    aws = {"aws_access_key": told["access_key"], "aws_secret_key": told["secret_key"]}
    place = {"base_url": told["cloud"], "max_retries": 0}
    if way == "invoke":
        return anthropic.AnthropicBedrock(**aws, aws_region="eu-central-1", **place)
    if way == "mantle":
        place["base_url"] = f"{told['cloud']}/anthropic"
        return anthropic.AnthropicBedrockMantle(**aws, aws_region="eu-central-1", **place)
    if way == "vertex":
        names = {"project_id": "secret-project", "region": "europe-west1"}
        return anthropic.AnthropicVertex(**names, access_token=told["api_key"], **place)
    if way == "foundry":
        return anthropic.AnthropicFoundry(api_key=told["api_key"], **place)
    names = {"aws_region": "eu-west-1", "workspace_id": "wrkspc_01CANARY"}
    return anthropic.AnthropicAWS(**aws, **names, **place)


def send(client: Any, values: dict[str, Any]) -> None:
    answer = client.messages.create(**values)
    if values.get("stream"):
        assert [event.type for event in answer][-1] == "message_stop"


def main() -> None:
    told = json.load(sys.stdin)
    theirs = client_of(told["way"], told)
    plain = anthropic.Anthropic(auth_token=told["token"], base_url=told["gateway"], max_retries=0)
    for values in told["calls"]:
        send(theirs, values)
        send(plain, values)
    print(anthropic.__version__)


main()
