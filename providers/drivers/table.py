"""The provider kinds, and their drivers for one event loop."""

from __future__ import annotations

import httpx

from providers.drivers.anthropic import AnthropicDriver
from providers.drivers.anthropic_aws import AnthropicAwsDriver
from providers.drivers.base import Driver
from providers.drivers.bedrock import BedrockDriver
from providers.drivers.claude_cli import ClaudeCliDriver
from providers.drivers.crater import CraterDriver
from providers.drivers.foundry import FoundryDriver
from providers.drivers.gonka import GonkaDriver
from providers.drivers.openai_compatible import OpenAiCompatibleDriver
from providers.drivers.vertex import VertexDriver

KINDS: tuple[type[Driver], ...] = (
    AnthropicDriver,
    OpenAiCompatibleDriver,
    GonkaDriver,
    CraterDriver,
    ClaudeCliDriver,
    BedrockDriver,
    VertexDriver,
    FoundryDriver,
    AnthropicAwsDriver,
)
"""A new kind is a line here."""

DRIVERS: dict[str, Driver] = {make.kind: make() for make in KINDS}
"""For questions that need no transport: which dialects, which models, what an answer means."""


DEFAULT_KIND = OpenAiCompatibleDriver.kind
"""Of a provider for which none is named, as in the reference."""

REFERENCE_KINDS = {OpenAiCompatibleDriver.kind: OpenAiCompatibleDriver.words[0]}
"""Kinds that the reference's file has a place for, with its spelling there and in JSON; on input both are taken.

Here and not in the drivers, for a driver made over another one inherits what that says of itself.
"""


class DriverSet:
    """One driver and its transport per kind, for one event loop."""

    def __init__(self, shared: httpx.AsyncBaseTransport) -> None:
        self.drivers: dict[str, Driver] = {make.kind: make() for make in KINDS}
        self.transports = {kind: driver.transport(shared) for kind, driver in self.drivers.items()}

    async def start(self) -> None:
        """Start what the kinds run beside their calls."""
        for driver in self.drivers.values():
            await driver.start()

    async def aclose(self) -> None:
        """Stop it, kind by kind; the shared transport is its maker's to close."""
        for driver in self.drivers.values():
            await driver.aclose()
