"""What the declarations say and what the services know are one."""

from tokens import fields, services
from tokens.management import arguments


def test_every_limit_has_a_flag() -> None:
    assert set(arguments.TOKEN) == set(fields.TOKEN_FIELDS)
    assert set(arguments.GROUP) == set(fields.GROUP_FIELDS)


def test_states() -> None:
    assert arguments.STATES == services.STATES
