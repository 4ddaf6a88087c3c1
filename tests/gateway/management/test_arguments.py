"""What the declarations say and what the services know are one."""

from gateway.management import arguments
from gateway.usage.prices import services


def test_prices() -> None:
    assert arguments.PRICES == services.PRICES and arguments.EXTRAS == services.EXTRAS
