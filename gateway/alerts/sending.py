"""Send a message to a channel: one try, ten seconds, no redirects; addresses are judged as those of strangers are."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import lru_cache, partial
from urllib.parse import unquote, urlsplit

from django.conf import settings

from gateway.alerts import forms, services, wording
from gateway.alerts.messages import Outcome
from gateway.alerts.models import AlertChannel, AlertMessage, ChannelKind
from gateway.kernel import egress
from gateway.kernel.moments import rfc3339
from gateway.kernel.redaction import redact
from gateway.kernel.secrets import SecretUnreadable

SECONDS = 10.0
MAIL_THREADS = 8
PORTS = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465}
NOT_SET = "EMAIL_URL and EMAIL_FROM are not set"


@dataclass(frozen=True, slots=True)
class Address:
    """Name where a channel sends to, in the clear."""

    kind: str
    target: str = field(repr=False)
    secret: str = field(default="", repr=False)


def address_of(row: AlertChannel) -> Address:
    """Return where a channel sends to. Raises `SecretUnreadable`."""
    secret = services.secret_of(row) if row.kind == ChannelKind.WEBHOOK else ""
    return Address(row.kind, services.target_of(row), secret)


async def send(row: AlertChannel | None, message: AlertMessage) -> Outcome:
    """Send a message to its channel, once. Never raises what the other side does."""
    if row is None:
        return Outcome(False, error="the channel has been removed", is_over=True)
    try:
        address = address_of(row)
    except SecretUnreadable:
        return Outcome(
            False, error="the channel can't be read: it is encrypted with another key", is_over=True
        )
    letter = letter_of(message)
    if address.kind == ChannelKind.EMAIL:
        return await _mail(address, letter)
    if address.kind == ChannelKind.WEBHOOK:
        return await _post(address.target, forms.webhook(letter, address.secret, int(time.time())))
    return await _post(address.target, forms.CHATS[address.kind](letter))


def letter_of(message: AlertMessage) -> forms.Letter:
    """Return what a message tells, with the page where one looks further."""
    base = settings.GATEWAY.PUBLIC_URL.rstrip("/")
    url = base + wording.page_of(message.event, message.subject) if base else ""
    return forms.Letter(message.id, message.content, rfc3339(message.at), url)


async def _post(url: str, post: forms.Post) -> Outcome:
    call = egress.Call("POST", url, lambda _: post.headers, post.body, SECONDS, redirects=0)
    try:
        status = (await egress.guard().fetch(call)).status
    except egress.EgressRefused as exc:
        return Outcome(False, error=f"the address may not be called: {exc}")
    except egress.EgressError as exc:
        return Outcome(False, error=str(exc))
    return Outcome(200 <= status < 300, status, "" if 200 <= status < 300 else f"answered {status}")


async def _mail(address: Address, letter: forms.Letter) -> Outcome:
    options = settings.GATEWAY
    if not (options.EMAIL_URL and options.EMAIL_FROM):
        return Outcome(False, error=NOT_SET)
    mail = forms.email(letter, options.EMAIL_FROM, address.target, datetime.now(UTC))
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(SECONDS):
            return await loop.run_in_executor(_threads(), partial(hand_over, options.EMAIL_URL, mail))
    except TimeoutError:
        return Outcome(False, error="no answer in time")


def hand_over(url: str, mail: EmailMessage) -> Outcome:
    """Hand a mail to the server of a URL. Blocks."""
    parts = urlsplit(url)
    try:
        port = parts.port or PORTS[parts.scheme]
        with _server(parts.scheme)(parts.hostname or "", port, timeout=SECONDS) as server:
            if parts.scheme == "smtp+tls":
                server.starttls(context=ssl.create_default_context())
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.send_message(mail)
    except smtplib.SMTPResponseException as exc:
        said = (
            exc.smtp_error.decode(errors="replace") if isinstance(exc.smtp_error, bytes) else exc.smtp_error
        )
        return Outcome(False, exc.smtp_code, f"answered {exc.smtp_code}: {redact(str(said))[:200]}")
    except (OSError, smtplib.SMTPException, ValueError) as exc:
        return Outcome(False, error=f"no mail server took it: {type(exc).__name__}")
    return Outcome(True, 250)


def _server(scheme: str) -> Callable[..., smtplib.SMTP]:
    if scheme == "smtp+ssl":
        return partial(smtplib.SMTP_SSL, context=ssl.create_default_context())
    return smtplib.SMTP


@lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MAIL_THREADS, thread_name_prefix="alert-mail")
