"""What is known of a stored object."""

from __future__ import annotations

import pytest

from gateway.objects.records import is_usable_id


@pytest.mark.parametrize("name", ["file_1", "msgbatch_01AbC", "x" * 255, "cntr-ä"])
def test_ids_of_vendors_are_usable(name: str) -> None:
    assert is_usable_id(name)


@pytest.mark.parametrize("name", ["", "x" * 256, "a\0b", "a\nb", "\ud800"])
def test_what_no_row_holds_is_not(name: str) -> None:
    assert not is_usable_id(name)
