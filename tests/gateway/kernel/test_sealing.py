from __future__ import annotations

from gateway.kernel.sealing import PREFIX, BoxSealer
from gateway.kernel.secrets import SecretBox

SEALER = BoxSealer(SecretBox([b"k" * 32]))


def test_a_seal_is_known_by_its_prefix_and_opens_for_its_context_alone() -> None:
    seal = SEALER.seal(b"\xff plain", "one")
    assert seal.startswith(PREFIX) and SEALER.prefix == PREFIX and "plain" not in seal
    assert SEALER.open(seal, "one") == b"\xff plain"
    assert SEALER.open(seal, "two") is None and SEALER.open(PREFIX + "gcm1:AAAA", "one") is None


def test_a_seal_of_before_the_prefix_still_opens() -> None:
    assert SEALER.open(SEALER.seal(b"x", "one").removeprefix(PREFIX), "one") == b"x"
