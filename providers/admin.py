"""Admin pages of providers, routes and the model map.

Keys go in, never out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from gateway.kernel.moments import end_for_people
from gateway.kernel.principal import of_request
from providers import probing, route_services, services
from providers.catalog import chains, live
from providers.catalog.store import record_of
from providers.doctor import identity_of
from providers.errors import ProviderError
from providers.forms import ModelMapForm, ProviderForm, RouteForm
from providers.models import ModelMap, Provider, Route

if TYPE_CHECKING:  # Django's classes take their model as a parameter in the stubs only
    ProviderAdminBase = admin.ModelAdmin[Provider]
    RouteAdminBase = admin.ModelAdmin[Route]
    MapAdminBase = admin.ModelAdmin[ModelMap]
else:
    ProviderAdminBase = RouteAdminBase = MapAdminBase = admin.ModelAdmin

SHOWN_MODELS = 200
STATE_WORDS = {"cooling": "on cooldown", "partly-cooling": "on cooldown for some models"}


@admin.register(Provider)
class ProviderAdmin(ProviderAdminBase):
    """Provider pages: edit, enable and disable; a button asks the provider for its models."""

    form = ProviderForm
    change_form_template = "admin/providers/provider/change_form.html"
    list_display = ("name", "kind", "base_url", "is_enabled", "now", "priority", "default_model", "has_key")
    list_filter = ("kind", "is_enabled")
    search_fields = ("name", "base_url")
    search_help_text = "Search by name or base URL"
    actions = ["enable", "disable", "clear", "test_connection"]
    readonly_fields = ("has_key", "extra_headers", "now", "identity")

    def get_readonly_fields(self, request: HttpRequest, obj: Provider | None = None) -> tuple[str, ...]:
        return self.readonly_fields if obj is None else ("name", *self.readonly_fields)

    def get_fieldsets(self, request: HttpRequest, obj: Provider | None = None) -> Any:
        key = ("api_key", "no_api_key", "has_key", "api_key_env", *(() if obj is None else ("identity",)))
        timeouts = ("connect_timeout_seconds", "first_byte_timeout_seconds", "idle_timeout_seconds")
        return (
            (
                None,
                {"fields": ("name", "kind", "base_url", "is_enabled", *(() if obj is None else ("now",)))},
            ),
            ("Key", {"fields": key}),
            (
                "Models",
                {"fields": ("model_names", "default_model", "priority", "responses", "model_ids", "options")},
            ),
            ("Calls", {"fields": ("headers", "no_headers", "extra_headers", *timeouts)}),
        )

    def get_urls(self) -> list[URLPattern]:
        test = self.admin_site.admin_view(self.test_view)
        return [path("<path:object_id>/test/", test, name="providers_provider_test"), *super().get_urls()]

    def test_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask the provider for its models, report the answer, and go back to its page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        row = self.get_object(request, object_id)
        if row is None:
            return HttpResponseRedirect(reverse("admin:providers_provider_changelist"))
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        self._test(request, row)
        return HttpResponseRedirect(reverse("admin:providers_provider_change", args=[object_id]))

    def save_model(self, request: HttpRequest, obj: Provider, form: Any, change: bool) -> None:
        values = form.values(form.cleaned_data)
        if change:
            services.change(obj.name, values, principal=of_request(request))
        else:
            given = {name: value for name, value in values.items() if value is not None}
            obj.pk = services.upsert({**given, "name": obj.name}, principal=of_request(request)).pk

    def delete_model(self, request: HttpRequest, obj: Provider) -> None:
        services.remove(obj.name, principal=of_request(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Provider]) -> None:
        for row in queryset:
            services.remove(row.name, principal=of_request(request))

    @admin.action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Provider]) -> None:
        self._each(request, queryset, services.enable, "enabled")

    @admin.action(description="Disable: take out of every choice", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Provider]) -> None:
        self._each(request, queryset, services.disable, "disabled")

    @admin.action(
        description="Clear: end the cooldown of its own key, close its circuit breaker",
        permissions=["change"],
    )
    def clear(self, request: HttpRequest, queryset: QuerySet[Provider]) -> None:
        self._each(request, queryset, services.clear, "cleared")

    @admin.action(description="Test the connection", permissions=["change"])
    def test_connection(self, request: HttpRequest, queryset: QuerySet[Provider]) -> None:
        for row in queryset:
            self._test(request, row)

    def _test(self, request: HttpRequest, row: Provider) -> None:
        result = probing.probe(row.name, principal=of_request(request))
        told = f"{row.name}: {result.told}"
        if result.is_ok:
            told += f"; models: {', '.join(result.models[:SHOWN_MODELS]) or 'none'}"
        self.message_user(request, told, messages.SUCCESS if result.is_ok else messages.ERROR)

    def _each(
        self, request: HttpRequest, queryset: QuerySet[Provider], act: Callable[..., Any], done: str
    ) -> None:
        for row in queryset:
            try:
                act(row.name, principal=of_request(request))
            except ProviderError as exc:
                self.message_user(request, str(exc), messages.ERROR)
            else:
                self.message_user(request, f"{row.name}: {done}", messages.SUCCESS)

    @admin.display(description="key stored", boolean=True)
    def has_key(self, row: Provider) -> bool:
        return bool(row.encrypted_api_key)

    @admin.display(description="now")
    def now(self, row: Provider) -> str:
        found = live.provider_status(row.name) if row.is_enabled else None
        if found is None:
            return "–" if not row.is_enabled else "may be called"
        state = STATE_WORDS.get(found.state, found.state)
        return f"{state} {end_for_people(found.until, time.time())}: {found.reason}"

    @admin.display(description="whose key it is")
    def identity(self, row: Provider) -> str:
        return identity_of(record_of(row)) or "–"

    @admin.display(description="stored headers")
    def extra_headers(self, row: Provider) -> str:
        return ", ".join(row.header_names) or "–"


@admin.register(Route)
class RouteAdmin(RouteAdminBase):
    """Route pages.

    `Where a call goes` shows the chain that a call would take.
    """

    form = RouteForm
    change_list_template = "admin/providers/route/change_list.html"
    list_display = ("model", "provider", "upstream_model", "priority", "is_listed", "display_name")
    list_filter = ("provider", "is_listed")
    search_fields = ("model", "provider", "upstream_model", "display_name")
    search_help_text = "Search by model, provider or name there"

    def get_urls(self) -> list[URLPattern]:
        test = self.admin_site.admin_view(self.test_view)
        return [path("test/", test, name="providers_route_test"), *super().get_urls()]

    def test_view(self, request: HttpRequest) -> HttpResponse:
        """Show the chain for a model and a surface."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        model, surface = request.GET.get("model", ""), request.GET.get("surface", "messages")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": "Where a call goes",
            "model": model,
            "surface": surface,
            "surfaces": list(chains.DIALECTS),
        }
        if model:
            try:
                context["chain"] = chains.chain(model, surface)["chain"]
            except ProviderError as exc:
                context["problem"] = str(exc)
        return TemplateResponse(request, "admin/providers/route/test.html", context)

    def save_model(self, request: HttpRequest, obj: Route, form: Any, change: bool) -> None:
        values = form.values(form.cleaned_data)
        if change:
            model = Route.objects.values_list("model", flat=True).get(pk=obj.pk)
            route_services.change(model, values, principal=of_request(request))
        else:
            obj.pk = route_services.upsert(values, principal=of_request(request)).pk

    def delete_model(self, request: HttpRequest, obj: Route) -> None:
        route_services.remove(obj.model, principal=of_request(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Route]) -> None:
        for row in queryset:
            route_services.remove(row.model, principal=of_request(request))


@admin.register(ModelMap)
class ModelMapAdmin(MapAdminBase):
    """Model-map pages: OpenAI names and the Anthropic models that answer for them.

    The pattern `*` is asked only under UNKNOWN_MODEL=map.
    """

    form = ModelMapForm
    list_display = ("pattern", "target", "position")
    search_fields = ("pattern", "target")

    def get_readonly_fields(self, request: HttpRequest, obj: ModelMap | None = None) -> tuple[str, ...]:
        return () if obj is None else ("pattern",)

    def save_model(self, request: HttpRequest, obj: ModelMap, form: Any, change: bool) -> None:
        given = obj.pattern, obj.target, obj.position
        obj.pk = route_services.put_mapping(*given, principal=of_request(request)).pk

    def delete_model(self, request: HttpRequest, obj: ModelMap) -> None:
        route_services.remove_mapping(obj.pattern, principal=of_request(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ModelMap]) -> None:
        for row in queryset:
            route_services.remove_mapping(row.pattern, principal=of_request(request))
