"""Say what the audit shows of tokens and groups: their fields as in the API, never a secret."""

from __future__ import annotations

import json

from tokens.models import CHARGE, LIMIT_FIELDS, Group, Limited, Token
from tokens.people import roles, standing
from tokens.people.models import Person
from tokens.policies.models import Policy

Fields = dict[str, object]


def of_token(token: Token) -> Fields:
    return {
        "label": token.label or None,
        "expires_at": token.expires_at,
        "revoked": token.is_revoked,
        "account": token.account,
        "provider": token.provider,
        "group": None if token.group is None else token.group.name,
        "person": None if token.person is None else standing.address_of(token.person.user),
        "payment": None if token.payment == CHARGE else token.payment,
        "log_requests": token.log_requests or None,
        **_limits(token),
    }


def of_group(group: Group) -> Fields:
    return {
        "name": group.name,
        "parent": None if group.parent is None else group.parent.name,
        "priority": group.priority,
        "member_budget": group.member_budget,
        "member_budget_period": group.member_budget_period or None,
        **_limits(group),
    }


def of_person(person: Person) -> Fields:
    """Return who somebody is and what holds for her; `password` changes with every new one."""
    user = person.user
    return {
        "email": standing.address_of(user),
        "name": user.get_full_name() or None,
        "is_active": user.is_active,
        "is_staff": user.is_staff,
        "role": roles.role_of(user),
        "groups": [group.name for group in standing.groups_of(user)] or None,
        "password": user.password,
        **_limits(person),
    }


def of_policy(policy: Policy) -> Fields:
    """Return which settings there are, and their sum: their values may hold secrets."""
    return {"settings": sorted(json.loads(policy.settings)), "checksum": policy.checksum}


def _limits(row: Limited) -> Fields:
    """Return the limits; those that are not set are None."""
    values = {name: getattr(row, name) for name in LIMIT_FIELDS}
    return {name: None if value in ("", []) else value for name, value in values.items()}
