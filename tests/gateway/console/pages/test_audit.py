"""`/console/audit/`."""

from __future__ import annotations

import json

import pytest

from gateway.models import AuditRow
from tests.gateway.audit.making import KEY, entry
from tests.gateway.console.pages.people import browser

pytestmark = pytest.mark.django_db


def test_entries_with_what_was_before_and_after() -> None:
    entry()
    entry("token.issue", "token:1", of=KEY)
    client = browser()
    page = client.get("/console/audit/").content.decode()
    assert page.count('data-test="entry"') == 2 and "weight: 1 → 2" in page
    page = client.get("/console/audit/?subject=token%3A1&who=").content.decode()
    assert page.count('data-test="entry"') == 1 and 'name="subject" value="token:1"' in page
    assert client.get("/console/audit/?via=x").status_code == 400


def test_pages_lead_on() -> None:
    for _ in range(51):
        entry()
    client = browser()
    page = client.get("/console/audit/?action=account.change").content.decode()
    assert page.count('data-test="entry"') == 50 and 'rel="next"' in page


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_all_of_it_as_lines() -> None:
    row = entry()
    answer = browser().get("/console/audit/?format=jsonl&action=account.change")
    assert [json.loads(line)["id"] for line in b"".join(answer).splitlines()] == [str(row.pk)]
    assert AuditRow.objects.get(action="audit.export").via == "console"
