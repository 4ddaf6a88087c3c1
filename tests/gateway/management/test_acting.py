"""What the declarations of `alerts` and `rehearse` say and what the services know are one."""

from gateway.alerts.models import FIRING, RESOLVED, TEST, AlertEvent, ChannelKind
from gateway.management import acting
from gateway.rehearsals.models import Fault


def test_words() -> None:
    assert list(acting.EVENTS) == AlertEvent.values and list(acting.KINDS) == ChannelKind.values
    assert acting.STATES == (FIRING, RESOLVED, TEST) and list(acting.FAULTS) == Fault.values
