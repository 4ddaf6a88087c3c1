"""Claude Platform on AWS: the workspace's header is the operator's."""

from __future__ import annotations

from providers.drivers.anthropic_aws import AnthropicAwsDriver
from providers.upstream import Credential, CredentialKind
from tests.providers.drivers.test_clouds import asked, built


def test_the_workspace_is_the_operators() -> None:
    caller = asked(((b"anthropic-workspace-id", b"somebody-elses"),))
    order = built("anthropic-aws", caller, region="eu-west-1", workspace="wrkspc_1")
    values = [value for name, value in order.draft.headers if name == b"anthropic-workspace-id"]
    assert values == [b"wrkspc_1"] and order.hidden == ("wrkspc_1",)
    assert dict(order.draft.headers)[b"x-api-key"] == b"key-CANARY-123456"


def test_the_host_and_the_service() -> None:
    driver = AnthropicAwsDriver()
    assert driver.place("", {"region": "eu-west-1"}) == "https://aws-external-anthropic.eu-west-1.api.aws"
    aws = Credential(CredentialKind.AWS, "")
    order = built("anthropic-aws", asked(), aws, region="eu-west-1", workspace="w")
    assert order.service == "aws-external-anthropic" and order.is_looked_for
