"""List the pages' paths."""

from __future__ import annotations

from django.conf import settings as django_settings
from django.urls import URLPattern, path, re_path

from gateway.console.pages import (
    accounts,
    alerts,
    audit,
    federation,
    objects,
    overview,
    payments,
    people,
    persons,
    prices,
    providers,
    rehearsals,
    requests,
    routes,
    settings,
    signins,
    teams,
    usage,
)

CALLS = [
    path("console/", overview.overview),
    path("console/requests/", requests.listing),
    path("console/requests/<str:request_id>/", requests.one),
    path("console/usage/", usage.usage),
    path("console/rehearse/", rehearsals.rehearse),
    path("console/rehearsals/<str:rehearsal_id>/end/", rehearsals.end),
    path("console/alerts/", alerts.listing),
    path("console/alerts/new-rule/", alerts.rule),
    path("console/alerts/new-channel/", alerts.channel),
    path("console/alerts/rules/<str:rule_id>/", alerts.rule),
    path("console/alerts/channels/<str:name>/", alerts.channel),
    path("console/alerts/<str:kind>/<str:name>/<str:action>/", alerts.act),
    path("console/settings/", settings.settings_page),
    path("console/settings/strategy/", settings.set_strategy),
    path("console/settings/policy/", settings.set_policy),
    path("console/settings/policy/remove/", settings.remove_policy),
    path("console/audit/", audit.audit),
]
"""How it goes, what was called, what is told of it, and what is set."""
UPSTREAM = [
    path("console/accounts/", accounts.listing),
    path("console/add-account/", accounts.add),
    path("console/accounts/<str:name>/", accounts.one),
    path("console/accounts/<str:name>/change/", accounts.change),
    path("console/accounts/<str:name>/login/", accounts.log_in),
    path("console/accounts/<str:name>/remove/", accounts.remove),
    path("console/accounts/<str:name>/test/", accounts.test),
    path("console/accounts/<str:name>/<str:action>/", accounts.act),
    path("console/providers/", providers.listing),
    path("console/add-provider/", providers.add),
    path("console/providers/<str:name>/", providers.one),
    path("console/providers/<str:name>/change/", providers.change),
    path("console/providers/<str:name>/models/", providers.tick),
    path("console/providers/<str:name>/remove/", providers.remove),
    path("console/providers/<str:name>/test/", providers.test),
    path("console/providers/<str:name>/<str:action>/", providers.act),
    path("console/routes/", routes.listing),
    path("console/routes/save/", routes.save),
    path("console/routes/order/", routes.reorder),
    path("console/routes/place/", routes.lengthen),
    path("console/routes/remove/", routes.remove),
    path("console/prices/", prices.listing),
    path("console/prices/save/", prices.save),
    path("console/prices/remove/", prices.remove),
]
"""Where calls go, and what they cost."""
RECORDS = [
    path("console/people/", people.listing),
    path("console/people/find/", people.find),
    path("console/people/issue/", people.issue),
    path("console/people/secret/", people.secret),
    path("console/people/add/", persons.add),
    path("console/people/person/", persons.one),
    path("console/people/person/change/", persons.change),
    path("console/people/person/no-totp/", persons.no_totp),
    path("console/people/person/sign-out/", persons.sign_out),
    path("console/people/tokens/<str:token_id>/", people.token),
    path("console/people/tokens/<str:token_id>/change/", people.change),
    path("console/people/tokens/<str:token_id>/rotate/", people.rotate),
    path("console/people/tokens/<str:token_id>/revoke/", people.revoke),
    path("console/people/groups/", teams.listing),
    path("console/signins/", signins.listing),
    path("console/signins/<uuid:sign_in>/end/", signins.end),
    path("console/objects/", objects.listing),
    path("console/payments/", payments.listing),
    path("console/payments/<uuid:payment>/reconcile/", payments.reconcile),
    path("console/federation/", federation.listing),
    path("console/federation/follow/", federation.follow),
    path("console/federation/retry/<int:pk>/", federation.retry),
    path("console/federation/unfollow/<int:pk>/", federation.unfollow),
    re_path(r"^console/federation/(?P<word>block|unblock)/(?P<pk>[0-9]{1,18})/$", federation.block),
]
"""Who calls, and what is kept for them."""


def urls() -> list[URLPattern]:
    """Return them: none with DISABLE_CONSOLE."""
    return [] if django_settings.GATEWAY.DISABLE_CONSOLE else [*CALLS, *UPSTREAM, *RECORDS]
