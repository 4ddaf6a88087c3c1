"""List the pages' paths."""

from __future__ import annotations

from django.conf import settings as django_settings
from django.urls import URLPattern, path

from gateway.console.pages import (
    accounts,
    alerts,
    audit,
    overview,
    people,
    prices,
    providers,
    rehearsals,
    requests,
    routes,
    settings,
    usage,
)


def urls() -> list[URLPattern]:
    """Return them: none with DISABLE_CONSOLE."""
    if django_settings.GATEWAY.DISABLE_CONSOLE:
        return []
    return [
        path("console/", overview.overview),
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
        path("console/requests/", requests.listing),
        path("console/requests/<str:request_id>/", requests.one),
        path("console/usage/", usage.usage),
        path("console/people/", people.listing),
        path("console/people/find/", people.find),
        path("console/people/issue/", people.issue),
        path("console/people/secret/", people.secret),
        path("console/people/tokens/<str:token_id>/", people.token),
        path("console/people/tokens/<str:token_id>/revoke/", people.revoke),
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
