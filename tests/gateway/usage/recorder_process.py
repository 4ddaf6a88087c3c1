"""A process with nothing but a recorder, on a database and a directory of its own; driven over standard input.

`python recorder_process.py <DATABASES entry as JSON> <directory> <options as JSON>`. One command per line, one
JSON line of state as answer to each: `start`, `record N FIRST`, `audit N`, `audited`, `state`, `sums`,
`close`.
"""

# ruff: noqa: E402

from __future__ import annotations

import asyncio
import json
import os
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

import django

from gateway import settings

settings.DATABASES = {"default": json.loads(sys.argv[1])}
os.environ["DJANGO_SETTINGS_MODULE"] = "gateway.settings"
django.setup()

from channels.db import database_sync_to_async
from django.db.models import Sum

from gateway.exchange.exchange import Exchange
from gateway.models import AuditRow, DailyUsage, ExchangeRow
from gateway.usage.recorder import Recorder, RecorderOptions
from providers.dialects.types import Usage


def numbered(number: int) -> uuid.UUID:
    """Return an id of 1970."""
    return uuid.UUID(int=(number << 80) | (7 << 76) | (2 << 62))


def audit(count: int) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC)
    rows = [AuditRow(id=numbered(number), at=at, who_kind="key", via="api") for number in range(count)]
    AuditRow.objects.bulk_create(rows)


def exchanges(count: int, first: int) -> list[Exchange]:
    """Numbered ones: the same numbers give the same ids again."""
    return [
        Exchange(
            id=str(numbered(number)),
            started_at=1_790_000_000.0,
            token_id=f"t-{number % 3}",
            model_served="m",
            status=200,
            usage=Usage(output_tokens=1),
        )
        for number in range(first, first + count)
    ]


def sums() -> dict[str, int | None]:
    totals = DailyUsage.objects.aggregate(requests=Sum("requests"), tokens=Sum("output_tokens"))
    return {"rows": ExchangeRow.objects.count(), **totals}


def state(recorder: Recorder) -> dict[str, object]:
    names = ("written", "dropped", "queued", "spooled_bytes", "is_healthy")
    return {name: getattr(recorder, name) for name in names}


async def obey(recorder: Recorder, command: str, *arguments: str) -> dict[str, object]:
    if command == "record":
        for exchange in exchanges(int(arguments[0]), int(arguments[1])):
            recorder.concluded(exchange)
    elif command == "sums":
        return dict(await database_sync_to_async(sums)())
    elif command == "audit":
        await database_sync_to_async(audit)(int(arguments[0]))
    elif command == "audited":
        return {"rows": await AuditRow.objects.acount()}
    elif command == "close":
        await recorder.aclose()
    return state(recorder)


async def main() -> None:
    options = json.loads(sys.argv[3])
    recorder = Recorder(RecorderOptions(directory=Path(sys.argv[2]), **options))
    while line := await asyncio.to_thread(sys.stdin.readline):
        command = line.split()
        answer: dict[str, object]
        if command == ["start"]:
            await recorder.start()
            answer = {}
        else:
            answer = await obey(recorder, *command)
        print(json.dumps(answer), flush=True)


asyncio.run(main())
