from __future__ import annotations

import json

import pytest

from gateway.audit import exporting
from gateway.audit.finding import Filters
from gateway.kernel.asking import BadParameter
from gateway.models import AuditRow
from tests.gateway.audit.making import KEY, entry
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db


def test_lines_of_what_was_chosen_and_an_entry_of_the_export() -> None:
    mine, _ = entry("token.issue", "token:1"), entry("token.issue", "token:2", of=KEY)
    lines = b"".join(exporting.export(Filters(who="ann@example.org", action="token.issue"), principal=KEY))
    assert [json.loads(line)["id"] for line in lines.splitlines()] == [str(mine.pk)]
    row = AuditRow.objects.order_by("-id")[0]
    assert (row.action, row.subject, row.who_kind) == ("audit.export", "audit:", "key")
    assert row.after == {"who": "ann@example.org", "action": "token.issue"}


def test_nothing_is_recorded_of_what_can_not_be_asked() -> None:
    with pytest.raises(BadParameter):
        exporting.export(Filters(via="post"), principal=SOMEBODY)
    assert not AuditRow.objects.exists()
