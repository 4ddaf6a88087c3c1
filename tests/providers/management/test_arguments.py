"""What the declarations say and what the services know are one."""

from providers.catalog import chains
from providers.management import arguments


def test_surfaces() -> None:
    assert list(arguments.SURFACES) == list(chains.DIALECTS)
