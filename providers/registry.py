"""The drivers by kind."""

from __future__ import annotations

from providers.drivers.anthropic import AnthropicDriver
from providers.drivers.base import Driver
from providers.drivers.openai_compatible import OpenAiCompatibleDriver

DRIVERS: dict[str, Driver] = {driver.kind: driver for driver in (AnthropicDriver(), OpenAiCompatibleDriver())}
