"""Name the permission of Django's that each operation of the management API asks of a login.

An operation that is not named here is the admin key's and admins' alone.
"""

from __future__ import annotations

import re

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest

from gateway.access.gate import AccessDenied
from gateway.access.roles import Role, is_at_least
from providers.dialects.types import Failure, FailureKind

NOBODY_S = "is for the admin key and admins only"
_CONVERTER = re.compile(r"<(?:\w+:)?(\w+)>")

Operation = tuple[str, str]  # method in lower case, path as in the OpenAPI document


def _of(model: str, **words: str) -> dict[str, tuple[str, ...]]:
    """Return the permissions of one model by short words: `add+change` asks for both."""
    app, name = model.split(".")
    return {
        operation: tuple(f"{app}.{word}_{name}" for word in needed.split("+"))
        for operation, needed in words.items()
    }


_TOKEN = _of("tokens.token", view="view", add="add", change="change")
_GROUP = _of("tokens.group", view="view", add="add", change="change", delete="delete")
_ACCOUNT = _of("accounts.account", view="view", add="add", change="change", delete="delete")
_POOL = _of("accounts.poolsetting", view="view", change="change")
_CHANNEL = _of("gateway.alertchannel", view="view", add="add", change="change", delete="delete")
_RULE = _of("gateway.alertrule", view="view", add="add", change="change", delete="delete")
_ALERT = _of("gateway.alertmessage", view="view")
_AUDIT = _of("gateway.auditrow", view="view")
_PAYMENT = _of("gateway.payment", view="view")
_REQUEST = _of("gateway.exchangerow", view="view")
_REHEARSAL = _of("gateway.rehearsal", view="view", add="add", delete="delete")
_USAGE = _of("gateway.dailyusage", view="view")
_PRICE = _of("gateway.pricerow", view="view", put="add+change", delete="delete")
_PROVIDER = _of("providers.provider", view="view", put="add+change", change="change", delete="delete")
# A password or `is_staff` makes somebody else of a person: what Django asks for its own page of logins.
_PERSON = _of("auth.user", view="view", add="add", change="change", delete="delete")
_POLICY = _of("tokens.policy", view="view", put="add+change", delete="delete")
_ROUTE = _of("providers.route", view="view", put="add+change", change="change", delete="delete")

NEEDED: dict[Operation, tuple[str, ...]] = {
    ("post", "/api/tokens"): _TOKEN["add"],
    ("get", "/api/tokens/list"): _TOKEN["view"],
    ("post", "/api/tokens/find"): _TOKEN["change"],
    ("post", "/api/tokens/revoke"): _TOKEN["change"],
    ("get", "/api/tokens/{token_id}"): _TOKEN["view"],
    ("patch", "/api/tokens/{token_id}"): _TOKEN["change"],
    ("post", "/api/tokens/{token_id}/rotate"): _TOKEN["change"],
    ("get", "/api/alerts/channels"): _CHANNEL["view"],
    ("post", "/api/alerts/channels"): _CHANNEL["add"],
    ("get", "/api/alerts/channels/{name}"): _CHANNEL["view"],
    ("patch", "/api/alerts/channels/{name}"): _CHANNEL["change"],
    ("delete", "/api/alerts/channels/{name}"): _CHANNEL["delete"],
    ("post", "/api/alerts/channels/{name}/test"): _CHANNEL["change"],
    ("get", "/api/alerts/rules"): _RULE["view"],
    ("post", "/api/alerts/rules"): _RULE["add"],
    ("get", "/api/alerts/rules/{rule_id}"): _RULE["view"],
    ("patch", "/api/alerts/rules/{rule_id}"): _RULE["change"],
    ("delete", "/api/alerts/rules/{rule_id}"): _RULE["delete"],
    ("get", "/api/alerts/log"): _ALERT["view"],
    ("get", "/api/audit"): _AUDIT["view"],
    ("get", "/api/groups"): _GROUP["view"],
    ("post", "/api/groups"): _GROUP["add"],
    ("get", "/api/groups/{name}"): _GROUP["view"],
    ("patch", "/api/groups/{name}"): _GROUP["change"],
    ("delete", "/api/groups/{name}"): _GROUP["delete"],
    ("get", "/api/people"): _PERSON["view"],
    ("post", "/api/people"): _PERSON["add"],
    ("get", "/api/people/{email}"): _PERSON["view"],
    ("patch", "/api/people/{email}"): _PERSON["change"],
    ("delete", "/api/people/{email}"): _PERSON["delete"],
    ("post", "/api/people/{email}/sign-out"): _PERSON["change"],
    ("get", "/api/accounts"): _ACCOUNT["view"],
    ("post", "/api/accounts"): _ACCOUNT["add"],
    ("get", "/api/accounts/{name}"): _ACCOUNT["view"],
    ("patch", "/api/accounts/{name}"): _ACCOUNT["change"],
    ("delete", "/api/accounts/{name}"): _ACCOUNT["delete"],
    ("post", "/api/accounts/{name}/test"): _ACCOUNT["change"],
    ("post", "/api/accounts/{name}/pause"): _ACCOUNT["change"],
    ("post", "/api/accounts/{name}/resume"): _ACCOUNT["change"],
    ("post", "/api/accounts/{name}/clear"): _ACCOUNT["change"],
    ("get", "/api/policies"): _POLICY["view"],
    ("get", "/api/policies/{group}"): _POLICY["view"],
    ("put", "/api/policies/{group}"): _POLICY["put"],
    ("delete", "/api/policies/{group}"): _POLICY["delete"],
    ("get", "/api/pool"): _POOL["view"],
    ("patch", "/api/pool"): _POOL["change"],
    ("get", "/api/payments"): _PAYMENT["view"],
    ("get", "/api/prices"): _PRICE["view"],
    ("post", "/api/prices"): _PRICE["put"],
    ("delete", "/api/prices/{model}"): _PRICE["delete"],
    ("get", "/api/overview"): (*_USAGE["view"], *_REQUEST["view"]),
    ("get", "/api/rehearsals"): _REHEARSAL["view"],
    ("post", "/api/rehearsals"): _REHEARSAL["add"],
    ("delete", "/api/rehearsals/{rehearsal_id}"): _REHEARSAL["delete"],
    ("get", "/api/requests"): _REQUEST["view"],
    ("get", "/api/requests/{request_id}"): _REQUEST["view"],
    ("get", "/api/usage"): _USAGE["view"],
    ("get", "/api/providers"): _PROVIDER["view"],
    ("post", "/api/providers"): _PROVIDER["put"],
    ("get", "/api/providers/{name}"): _PROVIDER["view"],
    ("patch", "/api/providers/{name}"): _PROVIDER["change"],
    ("delete", "/api/providers/{name}"): _PROVIDER["delete"],
    ("post", "/api/providers/{name}/clear"): _PROVIDER["change"],
    ("post", "/api/providers/{name}/test"): _PROVIDER["change"],
    ("get", "/api/routes"): _ROUTE["view"],
    ("post", "/api/routes"): _ROUTE["put"],
    ("get", "/api/routes/test"): _ROUTE["view"],
    ("get", "/api/routes/{model}"): _ROUTE["view"],
    ("patch", "/api/routes/{model}"): _ROUTE["change"],
    ("delete", "/api/routes/{model}"): _ROUTE["delete"],
}


BY_ROLE: dict[Operation, Role] = dict.fromkeys(
    (("post", "/api/tokens/find"), ("post", "/api/tokens/revoke")), Role.OPERATOR
)
"""Operations that a role opens without the permission: who may end a token need not be let change one."""


def operation_of(request: HttpRequest) -> Operation:
    """Return the operation that Django has found for a request."""
    match = request.resolver_match
    return (request.method or "").lower(), "/" + _CONVERTER.sub(r"{\1}", match.route if match else "")


def check(user: AbstractBaseUser | AnonymousUser, operation: Operation) -> None:
    """Raise `AccessDenied` with 403 for who may not; the role of an admin may everything."""
    needed = NEEDED.get(operation)
    if needed is not None and user.has_perms(needed):  # type: ignore[union-attr]
        return
    if is_at_least(user, BY_ROLE.get(operation, Role.ADMIN)) and (needed is None or operation in BY_ROLE):
        return
    text = NOBODY_S if needed is None else f"needs the permission {' and '.join(needed)}"
    raise AccessDenied(Failure(FailureKind.PERMISSION, f"{operation[0].upper()} {operation[1]} {text}"))
