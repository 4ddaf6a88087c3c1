from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from forgefed import hosts
from forgefed.errors import BadAddress
from forgefed.models import RemoteHost
from gateway.kernel.principal import GATEWAY
from gateway.models import AuditRow

pytestmark = pytest.mark.django_db


def test_a_host_carries_its_port_where_it_is_not_the_usual_one():
    assert hosts.host_of("https://A.example/x") == "a.example"
    assert hosts.host_of("http://a.example:8080/x") == "a.example:8080"
    for bad in ("", "x", "https://u@a.example/", "file:///x"):
        with pytest.raises(BadAddress):
            hosts.host_of(bad)


def test_a_host_is_blocked_and_unblocked_and_that_is_recorded():
    assert not hosts.is_blocked("a.example")
    hosts.block("a.example", True, GATEWAY)
    assert hosts.is_blocked("a.example")
    hosts.block("a.example", True, GATEWAY)
    hosts.block("a.example", False, GATEWAY)
    assert not hosts.is_blocked("a.example")
    assert AuditRow.objects.filter(action="federation.block").count() == 2


def test_the_scheme_of_a_host_is_remembered():
    assert hosts.scheme_of("a.example") == ""
    hosts.remember_scheme("a.example", "rfc9421")
    assert hosts.scheme_of("a.example") == "rfc9421"


def test_away_counts_from_the_first_failure_until_it_answers(options):
    options(FORGEFED_GIVE_UP_SECONDS=100.0)
    hosts.note_away("a.example", timezone.now())
    since = RemoteHost.objects.get().failing_since
    hosts.note_away("a.example", timezone.now())
    row = RemoteHost.objects.get()
    assert row.failing_since == since and not hosts.is_dead(row)
    row.failing_since -= timedelta(seconds=101)  # type: ignore[operator]
    assert hosts.is_dead(row)
    hosts.note_there("a.example")
    assert RemoteHost.objects.get().failing_since is None
