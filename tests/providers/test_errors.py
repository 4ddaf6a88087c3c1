"""Words of the errors, which clients and operators read."""

from __future__ import annotations

import pytest

from providers import errors


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (errors.BadProvider("name", "name is required"), "invalid provider config: name is required"),
        (errors.BadImport("wrong", 3), "wrong (line 3)"),
        (errors.BadImport("wrong"), "wrong"),
        (errors.UnknownProvider("p"), "provider not found"),
        (errors.BadRoute("model", "required"), "model: required"),
        (errors.UnknownRoute("m"), "no route for 'm'"),
        (errors.UnknownModel("m"), "The model `m` does not exist here or you do not have access to it"),
    ],
)
def test_words(error: errors.ProviderError, text: str) -> None:
    assert str(error) == text
