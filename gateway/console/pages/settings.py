"""`/console/settings/`: what may be changed while it runs, and what the environment says, shown as such."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from accounts import services as accounts
from accounts.errors import BadAccount
from accounts.models import Strategy
from gateway.access import roles
from gateway.access.principals import name_of
from gateway.config.showing import shown as options_shown
from gateway.console.pages.base import given, only, page, principal_of, shown
from gateway.console.pages.inputs import Input, drawn, read
from gateway.kernel.asking import BadParameter
from tokens.errors import BadTokenField, TokenError
from tokens.models import Group
from tokens.people.roles import PREFIX
from tokens.policies import services as policies
from tokens.policies.models import EVERYBODY, Policy

PATH = "/console/settings/"
MOST_STAFF = 200
SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Accounts",
        (
            "ACCOUNT_ROUTING_STRATEGY", "ACCOUNT_COOLDOWN_SECONDS", "SESSION_IDLE_SECONDS", "RETRY_ATTEMPTS",
            "RETRY_SECONDS", "UNKNOWN_MODEL",
        ),
    ),
    (
        "Limits",
        (
            "BUDGET_TIME_ZONE", "BUDGET_HOLD", "UNKNOWN_PRICE", "REDIS_DOWN", "ALLOW_LOCAL_LIMITS", "MAX_BODY_BYTES",
            "UPSTREAM_CONNECT_TIMEOUT_SECONDS", "UPSTREAM_FIRST_BYTE_TIMEOUT_SECONDS", "UPSTREAM_IDLE_TIMEOUT_SECONDS",
        ),
    ),
    (
        "Sign-in",
        (
            "PUBLIC_URL", "OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_SCOPES", "OIDC_GROUPS_CLAIM",
            "OIDC_ALLOWED_DOMAINS", "SIGN_IN_TOKEN_SECONDS", "SIGN_IN_SECONDS", "DEVICE_CODE_SECONDS", "LOGIN_NOTICE",
            "LOGIN_LOCK_SECONDS",
        ),
    ),
    (
        "Retention",
        (
            "REQUEST_LOG_SAMPLE_PERCENT",
            "REQUEST_LOG_MAX_BYTES",
            "REQUEST_LOG_RETENTION_DAYS",
            "USAGE_RETENTION_DAYS", "AUDIT_RETENTION_DAYS", "RESPONSES_STORE_SECONDS", "STORED_OBJECTS",
            "SPOOL_MAX_BYTES",
        ),
    ),
)  # fmt: skip
"""Options that are shown, by what they are about."""


@require_safe
@page("settings")
def settings_page(request: HttpRequest) -> HttpResponseBase:
    asked = given(request)
    only(asked, ("policy",))
    return _page(request, asked)


def _page(request: HttpRequest, asked: dict[str, str], status: int = 200, **forms: Any) -> HttpResponse:
    found = policies.find_all()
    edited = next((row for row in found if row.group == asked.get("policy")), None)
    standing = {"group": asked.get("policy", ""), "settings": "" if edited is None else _pretty(edited)}
    configured = settings.GATEWAY.ACCOUNT_ROUTING_STRATEGY
    chosen = accounts.strategy()
    context = {
        "strategy": drawn(strategy_inputs(configured), {"strategy": chosen}),
        "in_force": chosen or configured,
        "sections": [(title, options_shown(names, settings.GATEWAY)) for title, names in SECTIONS],
        "staff": staff(),
        "groups": Group.objects.order_by("priority", "name")[:MOST_STAFF],
        "policies": [{"row": row, "warnings": policies.warnings_of(row)} for row in found],
        "edited": edited,
        "policy": drawn(policy_inputs(), standing),
        "is_policy_open": "policy" in asked,
        **forms,
    }
    return shown(request, "settings", context, status)


def strategy_inputs(configured: str) -> tuple[Input, ...]:
    """Return the field of the strategy: as the environment says, or one that holds until it is taken back."""
    choices = [("", f"as configured: {configured}"), *((word, word) for word in Strategy.values)]
    return (Input("strategy", "Order of free accounts", "choice", "Obeyed within a second", choices),)


def policy_inputs() -> tuple[Input, ...]:
    """Return the fields of managed settings."""
    groups = [
        (EVERYBODY, "everybody"),
        *((name, "") for name in Group.objects.values_list("name", flat=True)),
    ]
    about = "JSON, as in Claude Code's managed-settings.json; clients ask hourly"
    return (
        Input(
            "group",
            "Group",
            help="* is everybody whom none of her own groups' reaches",
            choices=groups,
            is_required=True,
        ),
        Input("settings", "Settings", "long", about, is_required=True),
    )


def _pretty(row: Policy) -> str:
    return json.dumps(policies.settings_of(row), indent=2, ensure_ascii=False)


def staff() -> list[dict[str, Any]]:
    """Return who has which role, the highest first."""
    users = User.objects.filter(is_staff=True, is_active=True).prefetch_related("groups").order_by("username")
    found = []
    for user in users[:MOST_STAFF]:
        names = {group.name.removeprefix(PREFIX) for group in user.groups.all()}
        held = [role for role in roles.Role if role in names]
        role = roles.Role.ADMIN if user.is_superuser else max(held, key=roles.RANKS.__getitem__, default=None)
        found.append({"name": name_of(user), "role": role, "rank": -1 if role is None else roles.RANKS[role]})
    return sorted(found, key=lambda each: -each["rank"])


@require_POST
@page("settings")
def set_strategy(request: HttpRequest) -> HttpResponseBase:
    inputs = strategy_inputs(settings.GATEWAY.ACCOUNT_ROUTING_STRATEGY)
    try:
        accounts.set_strategy(read(inputs, request.POST)["strategy"], principal=principal_of(request))
    except (BadAccount, BadParameter) as exc:
        field = exc.param if isinstance(exc, BadParameter) else exc.field
        form = drawn(inputs, request.POST.dict(), (field, str(exc).removeprefix(f"{field}: ")))
        return _page(request, {}, 400, strategy=form)
    messages.success(request, "The strategy was set.")
    return redirect(PATH)


@require_POST
@page("settings")
def set_policy(request: HttpRequest) -> HttpResponseBase:
    """Give a group managed settings, in place of those that it has."""
    try:
        sent = read(policy_inputs(), request.POST)
        row = policies.put(
            sent["group"], policies.checked_text(sent["settings"]), principal=principal_of(request)
        )
    except (TokenError, BadParameter) as exc:
        form = drawn(policy_inputs(), request.POST.dict(), _wrong(exc))
        return _page(request, {}, 400, policy=form, is_policy_open=True)
    messages.success(request, f"The managed settings of {row.group} were saved.")
    for warning in policies.warnings_of(row):
        messages.warning(request, warning)
    return redirect(f"{PATH}#policies")


def _wrong(exc: TokenError | BadParameter) -> tuple[str, str]:
    if isinstance(exc, BadParameter):
        return exc.param, str(exc).removeprefix(f"{exc.param}: ")
    field = exc.param if isinstance(exc, BadTokenField) else "group"
    return field, exc.message.removeprefix(f"{field}: ")


@require_POST
@page("settings")
def remove_policy(request: HttpRequest) -> HttpResponseBase:
    sent = read((Input("group", "Group"), Input("sure", "Yes", "flag")), request.POST)
    if not sent["sure"]:
        raise BadParameter("sure", "tick the box to remove them")
    try:
        policies.remove(sent["group"], principal=principal_of(request))
    except TokenError as exc:
        raise Http404 from exc
    messages.success(request, f"The managed settings of {sent['group']} were removed.")
    return redirect(f"{PATH}#policies")
