"""Write a message in the form of each kind of channel. Pure: ids and times come in.

Webhooks are signed as Standard Webhooks has it: HMAC-SHA256 over `id.timestamp.body`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

import orjson

from gateway.alerts.fields import SECRET_PREFIX
from gateway.alerts.models import ChannelKind

LONGEST = 1_900
MARKS = {"critical": "🔴", "warning": "🟠", "info": "🟢"}
JSON = ("content-type", "application/json")


@dataclass(frozen=True, slots=True)
class Letter:
    """What is told: `content` as `wording` has it, `at` in RFC 3339, `url` of the page to look at, or empty."""

    id: str
    content: Mapping[str, Any]
    at: str
    url: str

    def whole(self) -> dict[str, Any]:
        return {"id": self.id, **self.content, "at": self.at, "url": self.url or None}


@dataclass(frozen=True, slots=True)
class Post:
    """A body with its headers."""

    headers: tuple[tuple[str, str], ...]
    body: bytes


def webhook(letter: Letter, secret: str, timestamp: int) -> Post:
    """Return the signed post of a webhook."""
    body = orjson.dumps(letter.whole())
    signature = sign(secret, letter.id, timestamp, body)
    headers = (
        JSON,
        ("webhook-id", letter.id),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", signature),
    )
    return Post(headers, body)


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature `v1,…` of a body."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def slack(letter: Letter) -> Post:
    title, text = _escaped(letter.content["title"]), _escaped(letter.content["text"])
    lines = [f"{_mark(letter)} *{title}*", text, letter.url]
    return _json({"text": _cut(lines)})


def discord(letter: Letter) -> Post:
    lines = [f"{_mark(letter)} **{letter.content['title']}**", letter.content["text"], letter.url]
    return _json({"content": _cut(lines), "allowed_mentions": {"parse": []}})


def teams(letter: Letter) -> Post:
    title = {"type": "TextBlock", "size": "Medium", "weight": "Bolder", "wrap": True}
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {**title, "text": f"{_mark(letter)} {letter.content['title']}"},
            {"type": "TextBlock", "wrap": True, "text": letter.content["text"]},
        ],
    }
    if letter.url:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Look", "url": letter.url}]
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return _json({"type": "message", "attachments": [attachment]})


CHATS: dict[str, Callable[[Letter], Post]] = {
    ChannelKind.SLACK: slack,
    ChannelKind.DISCORD: discord,
    ChannelKind.TEAMS: teams,
}


def email(letter: Letter, sender: str, recipients: str, now: datetime) -> EmailMessage:
    """Return an e-mail: plain text, its subject the title in one line."""
    said = letter.content
    mail = EmailMessage()
    mail["Subject"] = said["title"]
    mail["From"], mail["To"] = sender, recipients
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{letter.id}@{sender.rpartition('@')[2].strip('<> ') or 'router'}>"
    mail["Auto-Submitted"] = "auto-generated"
    facts = [
        f"Event: {said['event']}",
        f"State: {said['state']}",
        f"Subject: {said['subject'] or 'all'}",
        f"At: {letter.at}",
    ]
    parts = [said["text"], "", *facts, *([letter.url] if letter.url else [])]
    mail.set_content("\n".join(parts) + "\n")
    return mail


def _mark(letter: Letter) -> str:
    return MARKS.get(letter.content["severity"], "")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(lines: list[str]) -> str:
    return "\n".join(line for line in lines if line)[:LONGEST]


def _json(value: dict[str, Any]) -> Post:
    return Post((JSON,), orjson.dumps(value))
