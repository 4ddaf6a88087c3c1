"""Who is told tools as text: by field, or for an hour after a refusal."""

from __future__ import annotations

import pytest

from providers.catalog.records import ProviderRecord, Route
from providers.dialects.types import Target
from providers.translation.pairs.passthrough import Passthrough
from providers.xml.choosing import REMEMBERED_SECONDS, XmlTools
from providers.xml.translator import XmlTranslator


def provider(word: str | None, kind: str = "openai-compatible") -> ProviderRecord:
    return ProviderRecord("p", kind, "http://p", options={} if word is None else {"tools": word})


def is_told(tools: XmlTools, record: ProviderRecord, dialect: str = "openai_chat") -> bool:
    return isinstance(tools.wrap(Route(record, dialect, Target("m")), Passthrough()), XmlTranslator)


@pytest.mark.parametrize(("word", "before", "after"), [("xml", True, True), ("native", False, False),
                                                       ("auto", False, True), (None, False, True)])  # fmt: skip
def test_fields_and_refusals(word: str | None, before: bool, after: bool) -> None:
    now = [0.0]
    tools = XmlTools(lambda prefix: prefix, lambda: now[0])
    record = provider(word)
    assert is_told(tools, record) is before
    tools.learn(record)
    assert is_told(tools, record) is after
    assert not is_told(tools, record, "openai_responses")
    now[0] = REMEMBERED_SECONDS + 1
    assert is_told(tools, record) is before


def test_kinds_without_the_field_are_left_alone() -> None:
    tools = XmlTools(lambda prefix: prefix)
    record = provider(None, "gonka")
    tools.learn(record)
    assert not is_told(tools, record)
