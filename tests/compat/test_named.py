"""The tables of `make compat`, as far as they can be checked without the reference."""

from __future__ import annotations

import re

from tests.compat import cases, commands, named
from tests.compat.compare import Difference


def test_every_rule_names_a_row_that_is_there() -> None:
    assert named.mistakes(named.rules()) == []


def test_deviations_has_one_table_per_part() -> None:
    text = named.DEVIATIONS.read_text()
    parts = re.split(r"(?m)^## ", text)
    assert [len(re.findall(r"(?m)^\|---", part)) for part in parts] == [1] * len(parts)
    assert all(line.count(" | ") >= 3 for line in text.splitlines() if line.startswith("| "))


def test_a_rule_names_what_it_says_and_nothing_else() -> None:
    rule = named.Rule("row", ("chat: *",), ("body.choices().id", "status"))
    told = [
        Difference("chat", "a", "body.choices[3].id", "1", "2"),
        Difference("chat", "a", "body.choices[3].name", "1", "2"),
        Difference("other", "a", "status", "1", "2"),
    ]
    assert [named.naming(one, [rule]) for one in told] == [rule, None, None]
    assert rule.uses == 1
    assert named.idle([rule]) == []


def test_a_rule_that_names_nothing_is_told() -> None:
    (told,) = named.idle([named.Rule("row", ("chat: *",), ("status 401 to 404",))])
    assert told == "names nothing any more: row (chat: * => status 401 to 404)"
    assert named.idle([named.Rule("row", ("chat: *",), ("status 401 to 404",), always=False)]) == []


def test_every_case_can_be_read() -> None:
    found = cases.load()
    assert len(found) > 700
    assert len({case.table for case in found}) > 20
    assert len(commands.load()) > 400


def test_no_rule_names_a_whole_body_all_headers_or_any_status() -> None:
    """A regression below such a rule would not be seen."""
    broad = re.compile(r"(?:more |less )?(?:upstream )?(?:body|header|status|exit|start|\*)?[ .]?\*?\*")
    found = [aspect for rule in named.rules() for aspect in rule.aspects if broad.fullmatch(aspect)]
    assert found == []
