"""Tell what an operator would want to be told: an account is out, a circuit breaker is open, the database is away.

Events stay in this process. The composition subscribes whoever listens; where it does not run (commands, tests) each
is a line in the log. Who emits does so once per change of a state, not once per call.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from gateway.kernel.redaction import redact

logger = logging.getLogger(__name__)

ACCOUNT_OUT = "account-out"  # it is not chosen for any model; `until` in Unix seconds, or None
ACCOUNT_LOGIN = "account-login"  # only a new login helps
ACCOUNT_BACK = "account-back"  # after either
BREAKER_OPEN = "breaker-open"
BREAKER_CLOSED = "breaker-closed"
BUDGET_SHARE = "budget-share"  # `percent` of a budget is spent
BUDGET_REFUSED = "budget-refused"  # a call was refused for a budget; once a minute for each
DATABASE_AWAY = "database-away"
DATABASE_BACK = "database-back"
REDIS_AWAY = "redis-away"
REDIS_BACK = "redis-back"
PAYMENT_UNKNOWN = "payment-unknown"  # nobody knows whether money was taken: it has to be reconciled
REFUND_DUE = "refund-due"  # money is owed that could not be given back
"""Kinds that are emitted today."""

GOOD_NEWS = frozenset((ACCOUNT_BACK, BREAKER_CLOSED, DATABASE_BACK, REDIS_BACK))

MOST_SUBSCRIBERS = 32
MOST_PER_SECOND = 200
MOST_DETAILS = 16
LONGEST_TEXT = 500


@dataclass(frozen=True, slots=True)
class Event:
    """One change of a state. `subject` names whose, as in the audit: `account:primary`; `at` in Unix seconds."""

    kind: str
    subject: str
    at: float
    details: Mapping[str, object] = field(default_factory=dict)


Subscriber = Callable[[Event], None]


class Events:
    """Subscribers of one process, and how many events it has told them in the running second."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._subscribers: tuple[Subscriber, ...] = ()
        self._second = 0
        self._told = 0
        self.dropped = 0

    def subscribe(self, subscriber: Subscriber) -> None:
        """Add one who is told every event; a second time is no second call.

        It is called in the thread, often the event loop, in which the state changed: it must not wait.
        """
        if subscriber in self._subscribers:
            return
        if len(self._subscribers) >= MOST_SUBSCRIBERS:
            raise ValueError("too many subscribers of events")
        self._subscribers += (subscriber,)

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Take one off the list; it's no error if it isn't there."""
        self._subscribers = tuple(each for each in self._subscribers if each != subscriber)

    def emit(self, kind: str, subject: str, /, **details: object) -> None:
        """Tell that a state has changed. Never raises; beyond `MOST_PER_SECOND` events are dropped and counted."""
        try:
            now = self._clock()
            if not self._has_room(int(now)):
                return
            event = Event(kind, _text(subject), now, _details(details))
            for subscriber in self._subscribers or (to_log,):
                _tell(subscriber, event)
        except Exception:
            logger.exception("An event could not be told: %s", kind)

    def _has_room(self, second: int) -> bool:
        if second != self._second:
            if self._told > MOST_PER_SECOND:
                logger.warning("%d events in a second: the rest was dropped", self._told)
            self._second, self._told = second, 0
        self._told += 1
        if self._told > MOST_PER_SECOND:
            self.dropped += 1
            return False
        return True


def to_log(event: Event) -> None:
    """Write the event as one line of the log; with LOG_FORMAT=json its parts are fields of the line."""
    level = logging.INFO if event.kind in GOOD_NEWS else logging.WARNING
    words = "".join(f" {name}={value}" for name, value in event.details.items())
    fields = {"event": event.kind, "subject": event.subject, "details": dict(event.details)}
    logger.log(level, "%s %s%s", event.kind, event.subject, words, extra=fields)


def _tell(subscriber: Subscriber, event: Event) -> None:
    try:
        subscriber(event)
    except Exception:
        logger.exception("A subscriber of events failed at %s", event.kind)


def _details(given: Mapping[str, object]) -> Mapping[str, object]:
    return MappingProxyType(
        {name: _value(value) for name, value in tuple(given.items())[:MOST_DETAILS]},
    )


def _value(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float) else _text(str(value))


def _text(text: str) -> str:
    return redact(text[: 4 * LONGEST_TEXT])[:LONGEST_TEXT]


_of_process = Events()
emit, subscribe, unsubscribe = _of_process.emit, _of_process.subscribe, _of_process.unsubscribe
"""Of this process."""
