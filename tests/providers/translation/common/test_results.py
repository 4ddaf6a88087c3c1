from __future__ import annotations

from providers.translation.common.results import Results


def test_each_is_given_once_and_those_behind_the_call_go_first() -> None:
    results: Results[str] = Results()
    for place, text in ((1, "early"), (4, "first"), (6, "second")):
        results.add("a", place, text)
    assert [results.take("a", 3), results.take("a", 3), results.take("a", 3), results.take("a", 3)] == [
        "first", "second", "early", None,
    ]  # fmt: skip
    assert results.take("b", 0) is None
