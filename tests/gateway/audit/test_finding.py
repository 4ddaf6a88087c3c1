from __future__ import annotations

import pytest

from gateway.audit import finding
from gateway.audit.finding import Filters
from gateway.kernel.asking import BadParameter
from gateway.kernel.principal import COMMAND_LINE
from tests.gateway.audit.making import KEY, entry

pytestmark = pytest.mark.django_db


def found(**filters: str) -> list[str]:
    return [str(row.pk) for row in finding.find(Filters(**filters))]


def test_each_filter_holds_and_all_of_them_together() -> None:
    ann = str(entry("token.issue", "token:1").pk)
    key = str(entry("token.issue", "token:2", of=KEY).pk)
    shell = str(entry("account.pause", "account:a", of=COMMAND_LINE).pk)
    assert found() == [shell, key, ann]
    assert found(who="ann@example.org") == [ann]
    assert found(who="key") == [key]
    assert found(who="command") == [shell]
    assert found(who="nobody") == []
    assert found(action="token.issue") == [key, ann]
    assert found(subject="account:a") == [shell]
    assert found(via="api") == [key]
    assert found(action="token.issue", who="ann@example.org", via="admin") == [ann]
    assert found(action="token.issue", subject="account:a") == []


def test_days_are_included_and_times_cut_between() -> None:
    late, early = (entry(at=at) for at in ("2026-11-29T23:59:59+00:00", "2026-11-28T00:00:00+00:00"))
    assert found(begins="2026-11-28", ends="2026-11-29") == [str(late.pk), str(early.pk)]
    assert found(begins="2026-11-29") == [str(late.pk)]
    assert found(ends="2026-11-28") == [str(early.pk)]
    assert found(begins="2026-11-29T23:59:59Z") == [str(late.pk)]
    assert found(begins="2026-11-30T01:00:00+02:00", ends="2026-11-30") == [str(late.pk)]
    assert found(begins="2026-11-29T12:00:00Z", ends="2026-11-29T23:00:00Z") == []


@pytest.mark.parametrize(
    ("filters", "name"),
    [
        ({"who": "a\0b"}, "who"), ({"action": "x" * 256}, "action"), ({"subject": "\ud800"}, "subject"),
        ({"via": "post"}, "via"), ({"begins": "yesterday"}, "from"), ({"ends": "2026-13-01"}, "to"),
        ({"begins": "2026-11-29T25:00:00Z"}, "from"), ({"ends": "9999-12-31"}, "to"),
    ],
)  # fmt: skip
def test_what_can_not_be_asked_is_named(filters: dict[str, str], name: str) -> None:
    with pytest.raises(BadParameter) as refused:
        finding.find(Filters(**filters))
    assert refused.value.param == name


def test_pages_follow_on_each_other_without_gap_or_repeat(django_assert_num_queries) -> None:
    ids = [str(entry().pk) for _ in range(5)][::-1]
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        with django_assert_num_queries(1):
            page = finding.page(Filters(), 2, after)
        seen += [str(row.pk) for row in page.rows]
        after = page.next_after
    assert seen == ids
    with pytest.raises(BadParameter):
        finding.page(Filters(), 2, "here")


def test_pieces_hold_all_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [entry().pk for _ in range(5)][::-1]
    monkeypatch.setattr(finding, "PIECE", 2)
    pieces = [[row.pk for row in piece] for piece in finding.every(Filters())]
    assert pieces == [ids[:2], ids[2:4], ids[4:]]


def test_an_entry_in_json() -> None:
    row = entry(at="2026-11-29T14:36:00.5+00:00")
    assert finding.shown(row) == {
        "id": str(row.pk),
        "at": "2026-11-29T14:36:00Z",
        "who": {"kind": "person", "name": "ann@example.org"},
        "via": "admin",
        "action": "account.change",
        "subject": "account:a",
        "before": {"weight": 1},
        "after": {"weight": 2},
        "peer": "192.0.2.7",
        "request_id": "",
    }
