"""Schemas that agree with what is answered and checked."""

from __future__ import annotations

from accounts.pool.overview import accounts_view
from accounts.schemas import AccountShape, NewAccount
from accounts.validation import CHECKS
from tests.accounts.building import memory_pool


def test_the_shape_has_every_key_of_the_view() -> None:
    (view,) = accounts_view(memory_pool(1), include_paths=True)["accounts"]
    assert set(AccountShape.model_fields) == set(view)


def test_the_body_has_every_field_that_is_checked() -> None:
    assert set(NewAccount.model_fields) == set(CHECKS)
    assert {name for name, field in NewAccount.model_fields.items() if field.is_required()} == {
        "name",
        "source",
    }
