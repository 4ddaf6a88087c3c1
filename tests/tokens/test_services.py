"""Changes of tokens: one transaction each, counted, announced after the commit, safe under contention."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.apps import apps
from django.db import connections, transaction

from tests.principals import SOMEBODY
from tests.tokens.conftest import SECRET
from tokens import changes, services
from tokens.errors import BadTokenField, TokenConflict, TokenNotFound
from tokens.groups import services as group_services
from tokens.jwt import signing
from tokens.models import Token, TokensRevision
from tokens.registry import Registry

pytestmark = pytest.mark.django_db(transaction=True)


def revision() -> int:
    return TokensRevision.objects.get().value


def test_every_change_is_counted_and_stamps_its_rows() -> None:
    first = services.issue(principal=SOMEBODY).token
    assert (first.revision, revision()) == (1, 1)
    second = services.issue(principal=SOMEBODY).token
    services.revoke(first.id, principal=SOMEBODY)
    assert (services.get(first.id).revision, services.get(second.id).revision, revision()) == (3, 2, 3)
    rotated = services.rotate(second.id, principal=SOMEBODY)
    assert rotated.issued.token.revision == services.get(second.id).revision == 4


def test_a_refused_change_is_not_counted() -> None:
    services.issue(principal=SOMEBODY)
    with pytest.raises(TokenNotFound):
        services.revoke("nope", principal=SOMEBODY)
    with pytest.raises(BadTokenField):
        services.issue(label=5, principal=SOMEBODY)
    assert revision() == 1


def test_the_secret_is_in_no_row_and_no_repr() -> None:
    issued = services.issue(label="x", principal=SOMEBODY)
    assert issued.secret not in repr(issued) and "la_sk_" not in repr(issued)
    row = Token.objects.values().get()
    assert "la_sk_" not in repr(row) and issued.secret.rsplit(".", 1)[1] not in repr(row)


def test_a_label_that_json_must_escape_still_fits_in_a_header() -> None:
    issued = services.issue(label="\x01🎉" * 500, principal=SOMEBODY)
    assert signing.verify(issued.secret, SECRET.encode()).label == "\x01🎉" * 500
    assert len(issued.secret) < 8000


def test_revoke_keeps_the_first_moment_and_expire_the_first_end() -> None:
    token_id = services.issue(principal=SOMEBODY).token.id
    first = services.revoke(token_id, principal=SOMEBODY)
    assert services.revoke(token_id, principal=SOMEBODY).revoked_at == first.revoked_at
    assert first.expires_at == first.signed_until  # revoking leaves the end as it was
    other = services.issue(principal=SOMEBODY).token.id
    ended = services.expire(other, principal=SOMEBODY)
    assert services.expire(other, principal=SOMEBODY).expires_at == ended.expires_at <= time.time()
    assert ended.state(time.time()) == "expired" and not ended.is_revoked


def test_rotation_keeps_limits_and_ledger_and_ends_the_old_token() -> None:
    group_services.create("team", principal=SOMEBODY)
    old = services.issue(
        label="x",
        account="a",
        provider="p",
        group="team",
        allowed_models=["m"],
        ttl_hours=48,
        principal=SOMEBODY,
    ).token
    first = services.rotate(old.id, grace_seconds=0, principal=SOMEBODY)
    token = first.issued.token
    assert (token.label, token.account, token.provider, token.group, token.allowed_models) == (
        *("x", "a", "p"),
        *(old.group, ["m"]),
    )
    assert (token.ledger_id, token.rotated_from, first.issued.ttl_hours) == (old.id, old.id, 48)
    assert services.get(old.id).state(time.time()) == "expired"
    second = services.rotate(token.id, principal=SOMEBODY)
    assert second.issued.token.ledger_id == old.id
    assert abs(second.old_ends_at - time.time() - 3600) < 5


def test_the_grace_never_prolongs_a_token() -> None:
    old = services.issue(ttl_hours=1, principal=SOMEBODY).token
    assert services.rotate(old.id, grace_seconds=86_400, principal=SOMEBODY).old_ends_at == old.expires_at


def test_a_revoked_or_rotated_token_is_not_rotated() -> None:
    gone, done = services.issue(principal=SOMEBODY).token.id, services.issue(principal=SOMEBODY).token.id
    services.revoke(gone, principal=SOMEBODY)
    services.rotate(done, principal=SOMEBODY)
    for token_id in (gone, done):
        with pytest.raises(TokenConflict):
            services.rotate(token_id, principal=SOMEBODY)


def test_a_foreign_writer_is_noticed() -> None:
    token = services.issue(principal=SOMEBODY).token
    Token.objects.filter(pk=token.id).update(revision=99)
    with pytest.raises(TokenConflict):
        services.compare_and_swap(token, {"label": "lost"})


def test_limits_are_kept_and_a_budget_is_completed() -> None:
    token = services.issue(max_requests=5, budget="12.50", principal=SOMEBODY).token
    token = services.get(token.id)
    assert (token.max_requests, str(token.budget), token.budget_period) == (5, "12.5000000000", "never")
    assert token.budget_currency == "USD"
    assert (
        services.change(token.id, budget_period="month", max_requests=None, principal=SOMEBODY).max_requests
        is None
    )


@pytest.fixture
def heard() -> Iterator[list[int]]:
    seen: list[int] = []

    def listener() -> None:
        seen.append(revision())

    changes.on_change(listener)
    yield seen
    changes.forget(listener)


def test_this_process_is_told_before_the_service_returns(heard: list[int]) -> None:
    registry = Registry(SECRET.encode(), accept_unrecorded=False)
    changes.on_change(registry.apply_changes)
    try:
        issued = services.issue(principal=SOMEBODY)
        assert heard == [1]
        assert registry.authenticate(issued.secret, time.time()).id == issued.token.id
        services.revoke(issued.token.id, principal=SOMEBODY)
        assert registry.revision == 2
    finally:
        changes.forget(registry.apply_changes)


def test_nobody_is_told_of_a_change_that_was_rolled_back(heard: list[int]) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        services.issue(principal=SOMEBODY)
        raise RuntimeError
    assert heard == []


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """Run calls in threads that start together; exceptions are results."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return call()
        except Exception as problem:  # noqa: BLE001 - whatever it is, it is the result
            return problem
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_many_at_once_lose_no_revision_and_no_token() -> None:
    results = at_once([partial(services.issue, principal=SOMEBODY)] * 16)
    assert all(isinstance(result, services.Issued) for result in results)
    assert sorted(result.token.revision for result in results) == list(range(1, 17))
    assert revision() == 16


def test_two_rotations_at_once_make_one_successor() -> None:
    token_id = services.issue(principal=SOMEBODY).token.id
    results = at_once([lambda: services.rotate(token_id, principal=SOMEBODY)] * 6)
    assert sum(isinstance(result, services.Rotated) for result in results) == 1
    assert sum(isinstance(result, TokenConflict) for result in results) == 5
    assert Token.objects.filter(rotated_from=token_id).count() == 1


def test_a_revocation_survives_every_change_made_beside_it() -> None:
    token_id = services.issue(label="x", principal=SOMEBODY).token.id
    at_once([
        lambda: services.revoke(token_id, principal=SOMEBODY),
        *[lambda: services.change(token_id, label="y", principal=SOMEBODY)] * 4,
        lambda: services.rotate(token_id, principal=SOMEBODY),
    ])  # fmt: skip
    token = services.get(token_id)
    assert token.is_revoked and token.label == "y"


def test_a_reader_that_polls_misses_nothing() -> None:
    """Poll with `revision > seen`: revisions commit in the order in which they are given out."""
    registry = Registry(SECRET.encode(), accept_unrecorded=False)
    registry.load()
    done = threading.Event()

    def poll() -> None:
        while not done.is_set():
            registry.apply_changes()
        connections.close_all()

    poller = threading.Thread(target=poll)
    poller.start()
    results = at_once([partial(services.issue, principal=SOMEBODY)] * 12)
    done.set()
    poller.join()
    registry.apply_changes()
    for result in results:
        assert registry.authenticate(result.secret, time.time()).id == result.token.id


def test_a_rotated_token_pays_as_the_old_one_did() -> None:
    old = services.issue(payment="prepaid", budget="5", principal=SOMEBODY).token
    assert services.rotate(old.id, principal=SOMEBODY).issued.token.payment == "prepaid"


def test_who_need_not_pay_stands_in_the_audit() -> None:
    token = services.issue(label="x", principal=SOMEBODY).token
    services.change(token.id, payment="exempt", principal=SOMEBODY)
    row = apps.get_model("gateway", "AuditRow").objects.get(action="token.change")
    assert (row.before, row.after) == ({"payment": None}, {"payment": "exempt"})
