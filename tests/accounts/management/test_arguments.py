"""What the declarations say and what the rows know are one."""

from accounts.management import arguments
from accounts.models import Source, Strategy


def test_sources_and_strategies() -> None:
    assert list(arguments.SOURCES) == Source.values
    assert list(arguments.STRATEGIES) == Strategy.values
