"""How many bytes of bodies a process holds, and whose: the budget alone."""

from gateway.servers import limits
from gateway.servers.heads import Head
from tests.gateway.servers.harness import Answer


def test_an_announced_body_of_an_allowed_size_may_be_sent_whole() -> None:
    mib = 1024 * 1024
    assert limits.linger_bytes(10 * mib, 32 * mib) == 10 * mib
    for announced in (None, 0, 1, 33 * mib):
        assert limits.linger_bytes(announced, 32 * mib) == 4 * mib


def test_budget() -> None:
    budget = limits.BodyBudget(max_body_bytes=10, max_buffered_bytes=15)
    assert budget.refusal(0, 10) is None
    assert Answer(budget.refusal(0, 11) or b"").status == 413
    assert Answer(budget.refusal(6, 5) or b"").status == 413
    budget.held = 6
    assert budget.refusal(0, 9) is None
    assert Answer(budget.refusal(0, 10) or b"").status == 503


def strangers_and_owners() -> limits.BodyBudget:
    """80 bytes, of which strangers share 10; a body has 4 at most, an owner 40, an address 5."""
    return limits.BodyBudget(4, 80, whose_body=lambda head: dict(head.headers).get(b"owner", b"").decode())


def opened(budget: limits.BodyBudget, owner: bytes, peer: str = "1.1.1.1") -> limits.Share:
    share = budget.share(Head("POST", [(b"owner", owner)], peer))
    assert share is not None
    return share


def filled(budget: limits.BodyBudget, share: limits.Share) -> int:
    """How many bytes there are until a refusal."""
    taken = 0
    while budget.refusal(0, 1, share) is None:
        budget.take(1, share)
        taken += 1
    return taken


def test_strangers_share_an_eighth_and_each_address_half_of_it() -> None:
    budget = strangers_and_owners()
    assert filled(budget, opened(budget, b"", "1.1.1.1")) == 5
    assert filled(budget, opened(budget, b"", "1.1.1.1")) == 0
    assert filled(budget, opened(budget, b"", "2.2.2.2")) == 5
    assert filled(budget, opened(budget, b"", "3.3.3.3")) == 0
    assert filled(budget, opened(budget, b"a")) == 40
    assert filled(budget, opened(budget, b"a", "3.3.3.3")) == 0
    assert filled(budget, opened(budget, b"b")) == 30
    assert Answer(budget.refusal(0, 1, opened(budget, b"c")) or b"").status == 503


def test_a_name_is_no_address() -> None:
    budget = strangers_and_owners()
    assert opened(budget, b"1.1.1.1") is not opened(budget, b"", "1.1.1.1")


def test_what_is_given_back_is_free_and_accounts_end_with_their_last_body() -> None:
    budget = strangers_and_owners()
    first, second = opened(budget, b""), opened(budget, b"")
    assert first is second
    taken = filled(budget, first)
    budget.give_back(0, second)
    assert budget.shares
    budget.give_back(taken, first)
    assert (budget.held, budget.strangers, budget.shares) == (0, 0, {})
    assert filled(budget, opened(budget, b"")) == taken


def test_an_owner_may_always_send_one_whole_body() -> None:
    budget = limits.BodyBudget(60, 80, whose_body=lambda _: "a")
    assert filled(budget, opened(budget, b"")) == 60


def test_without_anybody_to_ask_everybody_is_known() -> None:
    budget = limits.BodyBudget(10, 20)
    assert budget.share(Head("POST", [], "")) is None
    assert budget.refusal(0, 10, None) is None
