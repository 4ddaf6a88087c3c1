"""`/console/people/groups/`: groups of people, with members, use, budgets and models."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from gateway.console import teams
from gateway.console.pages.base import given, only, page, shown


@require_safe
@page("people")
def listing(request: HttpRequest) -> HttpResponseBase:
    only(given(request), ())
    return shown(request, "people/groups", {"groups": teams.listed()})
