"""What the application sees of the end."""

import asyncio

import pytest

from gateway.servers import drain


def test_a_drain_begins_before_its_server_listens() -> None:
    assert not drain.Drain().is_ready
    assert not drain.Drain().is_draining
    assert not drain.Drain().deadline_event.is_set()


async def test_the_deadline_wakes_who_waits() -> None:
    event = drain.DeadlineEvent()
    waiting = [asyncio.create_task(event.wait()) for _ in range(2)]
    cancelled = asyncio.create_task(event.wait())
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.wait({cancelled})
    assert not waiting[0].done()
    event.set()
    await asyncio.wait_for(asyncio.gather(*waiting), 1)
    await asyncio.wait_for(event.wait(), 1)  # and who comes later
    event.set()
    assert event.is_set()


def test_one_event_serves_several_event_loops() -> None:
    event = drain.DeadlineEvent()

    async def wait_a_little() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(event.wait(), 0.01)

    asyncio.run(wait_a_little())
    asyncio.run(wait_a_little())


def test_one_that_fails_does_not_keep_the_others(caplog: pytest.LogCaptureFixture) -> None:
    event = drain.DeadlineEvent()
    called: list[str] = []
    event.add_callback(lambda: called.remove("nothing"))
    event.add_callback(lambda: called.append("b"))
    event.set()
    assert called == ["b"]
    assert "ValueError" in caplog.text


def test_callbacks_are_called_once_or_taken_back() -> None:
    event = drain.DeadlineEvent()
    called: list[str] = []
    event.add_callback(lambda: called.append("a"))
    forget = event.add_callback(lambda: called.append("b"))
    forget()
    event.set()
    event.set()
    forget()
    assert called == ["a"]
    event.add_callback(lambda: called.append("late"))
    assert called == ["a", "late"]
