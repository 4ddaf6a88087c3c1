"""What changes tokens: one transaction each, counted, announced after the commit, safe under contention."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections, transaction

from tests.tokens.conftest import SECRET
from tokens import changes, group_services, jwt, services
from tokens.errors import BadTokenField, TokenConflict, TokenNotFound
from tokens.models import Token, TokensRevision
from tokens.registry import Registry

pytestmark = pytest.mark.django_db(transaction=True)


def revision() -> int:
    return TokensRevision.objects.get().value


def test_every_change_is_counted_and_stamps_its_rows() -> None:
    first = services.issue().token
    assert (first.revision, revision()) == (1, 1)
    second = services.issue().token
    services.revoke(first.id)
    assert (services.get(first.id).revision, services.get(second.id).revision, revision()) == (3, 2, 3)
    rotated = services.rotate(second.id)
    assert rotated.issued.token.revision == services.get(second.id).revision == 4


def test_a_refused_change_is_not_counted() -> None:
    services.issue()
    with pytest.raises(TokenNotFound):
        services.revoke("nope")
    with pytest.raises(BadTokenField):
        services.issue(label=5)
    assert revision() == 1


def test_the_secret_is_in_no_row_and_no_repr() -> None:
    issued = services.issue(label="x")
    assert issued.secret not in repr(issued) and "la_sk_" not in repr(issued)
    row = Token.objects.values().get()
    assert "la_sk_" not in repr(row) and issued.secret.rsplit(".", 1)[1] not in repr(row)


def test_a_label_that_json_must_escape_still_fits_in_a_header() -> None:
    issued = services.issue(label="\x01🎉" * 500)
    assert jwt.verify(issued.secret, SECRET.encode()).label == "\x01🎉" * 500
    assert len(issued.secret) < 8000


def test_revoke_keeps_the_first_moment_and_expire_the_first_end() -> None:
    token_id = services.issue().token.id
    first = services.revoke(token_id)
    assert services.revoke(token_id).revoked_at == first.revoked_at
    assert first.expires_at == first.signed_until  # revoking leaves the end as it was
    other = services.issue().token.id
    ended = services.expire(other)
    assert services.expire(other).expires_at == ended.expires_at <= time.time()
    assert ended.state(time.time()) == "expired" and not ended.is_revoked


def test_rotation_keeps_limits_and_ledger_and_ends_the_old_token() -> None:
    group_services.create("team")
    old = services.issue(
        label="x", account="a", provider="p", group="team", allowed_models=["m"], ttl_hours=48
    ).token
    first = services.rotate(old.id, grace_seconds=0)
    token = first.issued.token
    assert (token.label, token.account, token.provider, token.group, token.allowed_models) == (
        *("x", "a", "p"),
        *(old.group, ["m"]),
    )
    assert (token.ledger_id, token.rotated_from, first.issued.ttl_hours) == (old.id, old.id, 48)
    assert services.get(old.id).state(time.time()) == "expired"
    second = services.rotate(token.id)
    assert second.issued.token.ledger_id == old.id
    assert abs(second.old_ends_at - time.time() - 3600) < 5


def test_the_grace_never_prolongs_a_token() -> None:
    old = services.issue(ttl_hours=1).token
    assert services.rotate(old.id, grace_seconds=86_400).old_ends_at == old.expires_at


def test_a_revoked_or_rotated_token_is_not_rotated() -> None:
    gone, done = services.issue().token.id, services.issue().token.id
    services.revoke(gone)
    services.rotate(done)
    for token_id in (gone, done):
        with pytest.raises(TokenConflict):
            services.rotate(token_id)


def test_a_foreign_writer_is_noticed() -> None:
    token = services.issue().token
    Token.objects.filter(pk=token.id).update(revision=99)
    with pytest.raises(TokenConflict):
        services._compare_and_swap(token, {"label": "lost"})


def test_limits_are_kept_and_a_budget_is_completed() -> None:
    token = services.issue(max_requests=5, budget="12.50").token
    token = services.get(token.id)
    assert (token.max_requests, str(token.budget), token.budget_period) == (5, "12.5000000000", "never")
    assert token.budget_currency == "USD"
    assert services.change(token.id, budget_period="month", max_requests=None).max_requests is None


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
        issued = services.issue()
        assert heard == [1]
        assert registry.authenticate(issued.secret, time.time()).id == issued.token.id
        services.revoke(issued.token.id)
        assert registry.revision == 2
    finally:
        changes.forget(registry.apply_changes)


def test_nobody_is_told_of_a_change_that_was_rolled_back(heard: list[int]) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        services.issue()
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
    results = at_once([services.issue] * 16)
    assert all(isinstance(result, services.Issued) for result in results)
    assert sorted(result.token.revision for result in results) == list(range(1, 17))
    assert revision() == 16


def test_two_rotations_at_once_make_one_successor() -> None:
    token_id = services.issue().token.id
    results = at_once([lambda: services.rotate(token_id)] * 6)
    assert sum(isinstance(result, services.Rotated) for result in results) == 1
    assert sum(isinstance(result, TokenConflict) for result in results) == 5
    assert Token.objects.filter(rotated_from=token_id).count() == 1


def test_a_revocation_survives_every_change_made_beside_it() -> None:
    token_id = services.issue(label="x").token.id
    at_once([
        lambda: services.revoke(token_id),
        *[lambda: services.change(token_id, label="y")] * 4,
        lambda: services.rotate(token_id),
    ])  # fmt: skip
    token = services.get(token_id)
    assert token.is_revoked and token.label == "y"


def test_a_reader_that_polls_misses_nothing() -> None:
    """Revisions commit in the order in which they are given out, so `revision > seen` is enough."""
    registry = Registry(SECRET.encode(), accept_unrecorded=False)
    registry.load()
    done = threading.Event()

    def poll() -> None:
        while not done.is_set():
            registry.apply_changes()
        connections.close_all()

    poller = threading.Thread(target=poll)
    poller.start()
    results = at_once([services.issue] * 12)
    done.set()
    poller.join()
    registry.apply_changes()
    for result in results:
        assert registry.authenticate(result.secret, time.time()).id == result.token.id
