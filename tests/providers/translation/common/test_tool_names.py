from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from providers.translation.common.tool_names import MAX_NAME, Tool, ToolNames, ToolTable, short_name


@given(st.text(max_size=140))
def test_every_name_becomes_acceptable_and_comes_back(name: str) -> None:
    names = ToolNames()
    short = names.shorten(name)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", short)
    assert names.restore(short) == name
    assert short_name(name) == short


def test_no_collision_over_many_long_names() -> None:
    longs = [f"mcp__server_with_a_long_name__{'x' * 60}_{number}" for number in range(500)]
    shorts = {short_name(name) for name in longs}
    assert len(shorts) == 500
    assert all(len(name) == MAX_NAME for name in shorts)


def test_names_of_up_to_64_stay() -> None:
    assert short_name("a" * 64) == "a" * 64
    assert ToolNames().restore("never_seen") == "never_seen"


def test_the_table_knows_kind_and_namespace() -> None:
    table = ToolTable()
    custom, spaced = Tool("patch", is_custom=True), Tool("get", namespace="crm")
    assert table.add(custom) == "patch"
    assert table.add(spaced) == "crm__get"
    assert table.add(spaced) == "crm__get"
    assert table.find("patch") == custom
    assert table.find("crm__get") == spaced
    assert table.find("other") == Tool("other")
