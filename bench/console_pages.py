"""List every page that somebody can look at: the console's, one's own, the admin's lists, and what `/api/` reads.

The addresses come from the tables of paths themselves, so that none is left out. What a path names (a call, a token)
is taken from the rows, as `bench/console_rows.py` has made them.
"""

import re

from django.contrib import admin
from django.urls import reverse

from accounts.models import Account
from gateway.access.permissions import NEEDED
from gateway.alerts.models import AlertChannel, AlertRule
from gateway.console.pages.urls import urls as console_urls
from gateway.me.urls import urls as me_urls
from gateway.models import DailyUsage, ExchangeRow, PriceRow
from providers.models import Provider, Route
from tokens.models import Group, Token
from tokens.people import standing
from tokens.people.models import Person

PLACE = re.compile(r"[<{](?:\w+:)?(\w+)[>}]")
OF_FORMS = frozenset({"action", "kind", "pk", "word", "payment", "sign_in", "rehearsal_id"})
"""Places in paths that only take a form."""
WITH_A_SECRET = frozenset({"setup", "handover", "secret"})
"""Pages that a link or a form's own answer leads to, once."""
ASKED = {
    "console/": ("span=24h", "span=30d"),
    "console/requests/": (
        "status=failed", "status=5xx", "person={person}", "token={token_id}", "account={account}", "model={model}",
        "provider={provider}", "surface=responses", "slower_than=20", "q=long+names", "q=nowhere", "status=418",
        "from={day}&to={day}", "person={person}&status=failed", "group={group}&model={model}",
    ),
    "console/usage/": (
        "period=yesterday&by=person", "period=30d&by=person,token,model", "period=30d&by=token,account,day",
        "period=7d&by=day", "period=30d&by=group",
        "person={person}&by=model", "period=30d&by=surface,provider,account",
    ),
    "console/people/": ("q=person-0001",),
    "console/audit/": ("who={person}", "action=token.change", "subject=token:1"),
}  # fmt: skip
"""Questions to a page beside its bare address."""
OF_API = {
    "/api/usage": ("by=person,token,model&limit=1000", "period=30d&by=day"),
    "/api/requests": ("limit=1000", "status=failed", "model={model}"),
}
IN_ADMIN = {
    "gateway_exchangerow": (
        "p=3",
        "outcome=failed",
        "on={day}",
        "token_id={token_id}",
        "model_served={model}",
    ),
    "gateway_dailyusage": ("p=3", "on={day}", "account={account}"),
}


def examples():
    """Return something for each place in an address that has a row."""
    call = ExchangeRow.objects.order_by("-id").first()
    token = Token.objects.filter(sign_in=None).order_by("-issued_at", "-id").first()
    group, person = Group.objects.first(), Person.objects.select_related("user").last()
    account, provider = Account.objects.first(), Provider.objects.first()
    rule, channel, route, price = (
        model.objects.first() for model in (AlertRule, AlertChannel, Route, PriceRow)
    )
    found = {
        "request_id": call and call.pk,
        "token_id": token and token.pk,
        "group": group and group.name,
        "email": person and standing.address_of(person.user),
        "person": call and call.person,
        "account": account and account.name,
        "provider": provider and provider.name,
        "rule_id": rule and rule.pk,
        "channel": channel and channel.name,
        "route": route and route.model,
        "price": price and price.model,
        "model": call and call.model_served,
        "day": DailyUsage.objects.order_by("-day").values_list("day", flat=True).first(),
    }
    return {name: str(value) for name, value in found.items() if value}


def filled(path, known):
    """Return a path with its places filled in; None where it only takes a form. Raises LookupError: no such row."""
    if OF_FORMS.intersection(PLACE.findall(path)) or "(?P" in path:
        return None
    kind = re.search(r"(accounts|providers|channels|groups|policies|routes|prices|people)/[<{]", path)
    others = {"accounts": "account", "providers": "provider", "channels": "channel", "groups": "group",
              "policies": "group", "routes": "route", "prices": "price", "people": "email"}  # fmt: skip

    def value(place):
        name = place[1]
        return known[others[kind[1]] if kind and name in ("name", "group", "model", "email") else name]

    try:
        return PLACE.sub(value, path)
    except KeyError as exc:
        raise LookupError(f"bench/console_pages.py knows no example for {exc} in {path}") from None


def asked(path, questions, known):
    """Return a path alone, and with each of its questions."""
    found = [path]
    for question in questions:
        try:
            found.append(f"{path}?{question.format(**known)}")
        except KeyError:
            continue
    return found


def console(known):
    """Return the console's pages, and one's own; among them paths that only take a form, and answer 405."""
    found = []
    for pattern in [*console_urls(), *me_urls()]:
        if pattern.callback.__name__ in WITH_A_SECRET:
            continue
        path = filled(str(pattern.pattern), known)
        if path is not None:
            found += [f"/{each}" for each in asked(path, ASKED.get(path, ()), known)]
    return found


def own(known):
    """Return the pages of one's own."""
    return [path for path in console(known) if path.startswith("/me/")]


def management(known):
    """Return what the management API reads."""
    found = []
    for method, path in NEEDED:
        made = filled(path, known) if method == "get" else None
        if made == "/api/routes/test":
            made = f"{made}?model=claude-x"
        if made is not None:
            found += asked(made, OF_API.get(path, ()), known)
    return found


def django_admin(known):
    """Return the admin's lists, the page of a row of each, and the forms for a new one that somebody may use."""
    found = [reverse("admin:index")]
    for model in admin.site._registry:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        found += asked(reverse(f"admin:{name}_changelist"), IN_ADMIN.get(name, ()), known)
        row = model._default_manager.order_by("pk").first()
        if row is not None:
            found.append(reverse(f"admin:{name}_change", args=[row.pk]))
    found.append(reverse("admin:gateway_usage_today"))
    return found


def everything():
    """Return every address."""
    known = examples()
    return [*console(known), *management(known), *django_admin(known)]
