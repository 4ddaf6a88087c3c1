"""Private keys as operators write them."""

from __future__ import annotations

import pytest

from providers.credentials.private_keys import ORDER, BadPrivateKey, parse

KEY = "11" * 32


@pytest.mark.parametrize("text", [KEY, "0x" + KEY, "0X" + KEY, f"{ORDER - 1:064x}", f"{1:064x}", "AB" * 32])
def test_private_keys(text: str) -> None:
    assert 1 <= parse(text) < ORDER


@pytest.mark.parametrize(
    "text",
    ["", "secret-key", "11" * 31, "11" * 33, "0" * 64, f"{ORDER:064x}", "f" * 64, " " + KEY, KEY + "\n", "g" * 64,
     "0x0x" + "1" * 60, "\u0661" * 64],
)  # fmt: skip
def test_what_is_no_private_key(text: str) -> None:
    with pytest.raises(BadPrivateKey) as raised:
        parse(text)
    assert not text.strip() or text not in str(raised.value)
