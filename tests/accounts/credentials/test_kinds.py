"""A login goes only to providers whose kind takes it, and what is wrong names the field."""

from __future__ import annotations

import pytest

from accounts import services
from accounts.errors import BadAccount
from providers import services as providers
from providers.errors import BadProvider
from providers.models import Provider
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db(transaction=True)
KINDS = {
    "bedrock": {"region": "eu-west-1"},
    "vertex": {"project": "p"},
    "foundry": {"base_url": "https://x.services.ai.azure.com/anthropic"},
    "anthropic-aws": {"region": "eu-west-1", "workspace": "w"},
    "openai-compatible": {"base_url": "https://o.test/v1"},
}
SOURCES = {
    "aws": {},
    "google": {},
    "azure": {"tenant_id": "t", "client_id": "c", "secret": "s"},
    "directory": {"location": "/somewhere"},
    "api_key": {"secret": "k"},
    "environment": {"location": "SOME_KEY"},
}
KEYS = {"api_key", "environment"}
TAKEN = {
    "bedrock": {"aws"} | KEYS,
    "vertex": {"google"} | KEYS,
    "foundry": {"azure"} | KEYS,
    "anthropic-aws": {"aws"} | KEYS,
    "openai-compatible": {"directory"} | KEYS,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_takes_its_own_logins_and_keys(kind: str) -> None:
    providers.upsert({"name": "there", "kind": kind, **KINDS[kind]}, principal=SOMEBODY)
    for source, fields in SOURCES.items():
        values = {"name": f"of-{source}", "provider": "there", "source": source, **fields}
        if source in TAKEN[kind]:
            services.add(values, principal=SOMEBODY)
            continue
        with pytest.raises(BadAccount) as refused:
            services.add(values, principal=SOMEBODY)
        assert refused.value.field == "provider" and f"there is of kind {kind}" in str(refused.value)


def test_anthropic_takes_no_clouds_login_and_an_unknown_provider_may_come_later() -> None:
    with pytest.raises(BadAccount, match="source aws is for providers of kind bedrock, anthropic-aws"):
        services.add({"name": "a", "source": "aws"}, principal=SOMEBODY)
    services.add({"name": "a", "source": "aws", "provider": "later"}, principal=SOMEBODY)
    with pytest.raises(BadAccount) as refused:
        services.update("a", {"provider": "anthropic"}, principal=SOMEBODY)
    assert refused.value.field == "provider"
    services.update("a", {"weight": 2}, principal=SOMEBODY)


def test_a_provider_that_is_of_another_kind_now_does_not_keep_its_accounts_from_being_paused() -> None:
    services.add({"name": "a", "source": "aws", "provider": "later"}, principal=SOMEBODY)
    Provider.objects.create(name="later", base_url="https://o.test/v1")  # as rows of before may be
    assert services.pause("a", principal=SOMEBODY).is_paused


def test_a_provider_takes_no_kind_that_its_accounts_do_not_fit() -> None:
    providers.upsert({"name": "cloud", "kind": "bedrock", **KINDS["bedrock"]}, principal=SOMEBODY)
    services.add({"name": "a", "source": "aws", "provider": "cloud"}, principal=SOMEBODY)
    providers.change("cloud", {"enabled": True}, principal=SOMEBODY)
    for change in (
        lambda: providers.change("cloud", {"kind": "vertex", **KINDS["vertex"]}, principal=SOMEBODY),
        lambda: providers.upsert({"name": "cloud", "base_url": "https://o.test/v1"}, principal=SOMEBODY),
    ):
        with pytest.raises(BadProvider, match="and account a of cloud has it") as refused:
            change()
        assert refused.value.field == "kind" and Provider.objects.get(name="cloud").kind == "bedrock"
    same = {"kind": "anthropic-aws", "region": "eu-central-1", "workspace": "w"}
    assert providers.change("cloud", same, principal=SOMEBODY).kind == "anthropic-aws"
    services.remove("a", principal=SOMEBODY)
    assert (
        providers.change("cloud", {"kind": "vertex", **KINDS["vertex"]}, principal=SOMEBODY).kind == "vertex"
    )


def test_a_new_provider_is_of_a_kind_that_fits_the_accounts_that_wait_for_it() -> None:
    services.add({"name": "a", "source": "aws", "provider": "later"}, principal=SOMEBODY)
    with pytest.raises(BadProvider, match="account a of later has it"):
        providers.upsert({"name": "later", "base_url": "https://o.test/v1"}, principal=SOMEBODY)
    assert not Provider.objects.filter(name="later").exists()
