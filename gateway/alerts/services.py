"""Write channels and rules. A webhook's secret is returned by the call that made it, and never again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction

from gateway.alerts import fields
from gateway.alerts.errors import AlertNotFound, BadAlert, ChannelExists
from gateway.alerts.models import AlertChannel, AlertRule, ChannelKind
from gateway.kernel import audit
from gateway.kernel.egress import EgressRefused, origin_of
from gateway.kernel.principal import Principal
from gateway.kernel.secrets import SecretUnreadable, box

MOST = 500
"""Channels, and rules: each rule is looked at every second."""


@dataclass(frozen=True, slots=True)
class Made:
    """A channel as it now is; `secret` where one was set by this call."""

    channel: AlertChannel
    secret: str = field(default="", repr=False)


def create_channel(given: Mapping[str, object], *, principal: Principal) -> Made:
    """Make a channel. Raises `BadAlert`, `ChannelExists`."""
    values = fields.channel(given)
    if AlertChannel.objects.count() >= MOST:
        raise BadAlert("name", f"there are {MOST} channels already")
    row = AlertChannel(name=values["name"], kind=values["kind"])
    _seal(row, values)
    try:
        with transaction.atomic():
            row.save()
            audit.record(principal, "channel.create", f"channel:{row.name}", None, of_channel(row))
    except IntegrityError:
        raise ChannelExists(f"There is a channel named {row.name!r} already") from None
    return Made(row, values.get("secret", ""))


def change_channel(name: str, given: Mapping[str, object], *, principal: Principal) -> Made:
    """Change where a channel sends to, or its secret (null: a new one is made). Raises `AlertNotFound`, `BadAlert`."""
    with transaction.atomic():
        row = _channel(name)
        values, before = fields.channel(given, row.kind), of_channel(row)
        _seal(row, values)
        row.save()
        after = of_channel(row)
        for sealed in values:
            before, after = {**before, f"{sealed}_secret": None}, {**after, f"{sealed}_secret": audit.SECRET}
        audit.record(principal, "channel.change", f"channel:{name}", before, after)
    return Made(row, values.get("secret", ""))


def remove_channel(name: str, *, principal: Principal) -> None:
    """Remove a channel, also from the rules that name it. Raises `AlertNotFound`."""
    with transaction.atomic():
        row = _channel(name)
        using = list(row.rules.all())
        before = {rule.pk: of_rule(rule) for rule in using}
        audit.record(principal, "channel.remove", f"channel:{name}", of_channel(row), None)
        row.delete()
        for rule in using:
            audit.record(principal, "rule.change", f"rule:{rule.pk}", before[rule.pk], of_rule(rule))


def get_channel(name: str) -> AlertChannel:
    """Return a channel. Raises `AlertNotFound`."""
    return _channel(name)


def channels() -> list[AlertChannel]:
    """Return all channels, by name."""
    return list(AlertChannel.objects.all())


def create_rule(given: Mapping[str, object], *, principal: Principal) -> AlertRule:
    """Make a rule. Raises `BadAlert`."""
    values = fields.rule(given)
    if AlertRule.objects.count() >= MOST:
        raise BadAlert("event", f"there are {MOST} rules already")
    with transaction.atomic():
        found = _channels_of(values.pop("channels"))
        row = AlertRule.objects.create(**values)
        row.channels.set(found)
        audit.record(principal, "rule.create", f"rule:{row.pk}", None, of_rule(row))
    return row


def change_rule(rule_id: str, given: Mapping[str, object], *, principal: Principal) -> AlertRule:
    """Change only what is given. Raises `AlertNotFound`, `BadAlert`."""
    with transaction.atomic():
        row = _rule(rule_id)
        before = of_rule(row)
        values = fields.rule(given, before)
        row.channels.set(_channels_of(values.pop("channels")))
        for name, value in values.items():
            setattr(row, name, value)
        row.save()
        audit.record(principal, "rule.change", f"rule:{row.pk}", before, of_rule(row))
    return row


def remove_rule(rule_id: str, *, principal: Principal) -> None:
    """Remove a rule; the log keeps what it told. Raises `AlertNotFound`."""
    with transaction.atomic():
        row = _rule(rule_id)
        audit.record(principal, "rule.remove", f"rule:{row.pk}", of_rule(row), None)
        row.delete()


def get_rule(rule_id: str) -> AlertRule:
    """Return a rule. Raises `AlertNotFound`."""
    return _rule(rule_id)


def rules() -> list[AlertRule]:
    """Return all rules with their channels, in the order in which they were made."""
    return list(AlertRule.objects.prefetch_related("channels"))


def of_channel(row: AlertChannel) -> dict[str, Any]:
    """Return a channel as it is shown: of an address that is a secret only where it is."""
    return {"name": row.name, "kind": row.kind, "target": shown_target(row)}


def of_rule(row: AlertRule) -> dict[str, Any]:
    """Return a rule as it is shown, without its id."""
    return {
        "event": row.event,
        "threshold": row.threshold,
        "subject": row.subject,
        "channels": sorted(channel.name for channel in row.channels.all()),
        "enabled": row.enabled,
        "quiet_from": row.quiet_from or None,
        "quiet_to": row.quiet_to or None,
    }


def target_of(row: AlertChannel) -> str:
    """Return where a channel sends to. Raises `SecretUnreadable`."""
    return box().decrypt(row.target, f"channel-target:{row.name}")


def secret_of(row: AlertChannel) -> str:
    """Return what a webhook is signed with. Raises `SecretUnreadable`."""
    return box().decrypt(row.secret, f"channel-secret:{row.name}")


def shown_target(row: AlertChannel) -> str:
    """Return the addresses of an e-mail channel, `scheme://host/…` of any other."""
    try:
        target = target_of(row)
    except SecretUnreadable:
        return "(unreadable: encrypted with another key)"
    if row.kind == ChannelKind.EMAIL:
        return target
    try:
        scheme, host, _ = origin_of(target)
    except EgressRefused:
        return "…"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}/…"


def _seal(row: AlertChannel, values: Mapping[str, str]) -> None:
    for name in ("target", "secret"):
        if name in values:
            setattr(row, name, box().encrypt(values[name], f"channel-{name}:{row.name}"))


def _channel(name: str) -> AlertChannel:
    row = AlertChannel.objects.filter(name=name).first()
    if row is None:
        raise AlertNotFound("There is no such channel")
    return row


def _rule(rule_id: str) -> AlertRule:
    is_number = rule_id.isascii() and rule_id.isdecimal() and len(rule_id) < 19
    row = (
        AlertRule.objects.prefetch_related("channels").filter(pk=int(rule_id)).first() if is_number else None
    )
    if row is None:
        raise AlertNotFound("There is no such rule")
    return row


def _channels_of(names: Iterable[str]) -> list[AlertChannel]:
    wanted = list(names)
    found = {row.name: row for row in AlertChannel.objects.filter(name__in=wanted)}
    for name in wanted:
        if name not in found:
            raise BadAlert("channels", f"there is no channel named {name[:64]!r}")
    return [found[name] for name in wanted]
