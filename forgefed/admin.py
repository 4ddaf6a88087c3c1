"""Federation in the admin: what came in, what goes out, who follows whom, which servers we talk to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from forgefed import deliveries, following, hosts
from forgefed.errors import BadAddress, ForgefedError
from forgefed.models import Activity, Actor, Delivery, Follower, Following, Received, RemoteHost
from gateway.kernel.principal import of_request

if TYPE_CHECKING:  # Django's classes take their model as a parameter in the stubs only
    FollowingForm = forms.ModelForm[Following]
else:
    FollowingForm = forms.ModelForm


class _ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def may_act(self, request: HttpRequest) -> bool:
        """Tell whether the person may do more than look; the actions ask it."""
        return bool(request.user.has_perm(f"forgefed.change_{self.opts.model_name}"))

    has_act_permission = may_act  # Django's name for an action's permission "act"

    def each(
        self, request: HttpRequest, rows: QuerySet[Any], act: Callable[[Any], object], done: str
    ) -> None:
        """Do something to each row, and say how it went."""
        for row in rows:
            try:
                act(row)
            except ForgefedError as exc:
                self.message_user(request, f"{row}: {exc}", messages.ERROR)
            else:
                self.message_user(request, f"{row}: {done}", messages.SUCCESS)


@admin.register(Actor)
class ActorAdmin(_ReadOnly):
    list_display = ["name", "kind", "display_name", "created_at"]
    search_fields = ["name", "display_name"]


@admin.register(Follower)
class FollowerAdmin(_ReadOnly):
    list_display = ["uri", "inbox_uri", "followed_at"]
    search_fields = ["uri"]


class FollowForm(FollowingForm):
    """The form of a new Follow: an address."""

    class Meta:
        model = Following
        fields = ("uri",)
        help_texts = {"uri": "The actor's address, such as https://problemsets.example/actor/code."}

    def clean_uri(self) -> str:
        uri = str(self.cleaned_data["uri"])
        try:
            hosts.host_of(uri)
        except BadAddress as exc:
            raise forms.ValidationError(str(exc)) from exc
        return uri


@admin.register(Following)
class FollowingAdmin(_ReadOnly):
    """Whom we follow. To add one sends a Follow; the state is the other side's answer."""

    form = FollowForm
    list_display = ["uri", "state", "asked_at", "answered_at"]
    list_filter = ["state"]
    search_fields = ["uri"]
    actions = ["unfollow"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("forgefed.add_following"))

    def save_model(self, request: HttpRequest, obj: Following, form: Any, change: bool) -> None:
        obj.pk = following.follow(obj.uri, of_request(request)).pk

    @admin.action(description="Stop following", permissions=["act"])
    def unfollow(self, request: HttpRequest, queryset: QuerySet[Following]) -> None:
        who = of_request(request)
        self.each(request, queryset, lambda row: following.unfollow(row.uri, who), "no longer followed")


@admin.register(Activity)
class ActivityAdmin(_ReadOnly):
    """Activities of ours. What Offers hold is not kept."""

    list_display = ["kind", "recipients", "is_listed", "said_at", "slug"]
    list_filter = ["kind", "is_listed"]
    search_fields = ["slug"]

    @admin.display(description="to")
    def recipients(self, row: Activity) -> str:
        return ", ".join(map(str, row.to))


@admin.register(Received)
class ReceivedAdmin(_ReadOnly):
    """Activities that came in, and what each of them changed."""

    list_display = ["kind", "actor_uri", "object_id", "outcome", "received_at"]
    list_filter = ["kind"]
    search_fields = ["actor_uri", "activity_id"]


@admin.register(Delivery)
class DeliveryAdmin(_ReadOnly):
    """Shows what goes out, how often it was tried, and why it failed."""

    list_display = ["recipient", "what", "state", "attempts", "upcoming", "last_status", "last_error"]
    list_filter = ["state"]
    list_select_related = ["activity"]
    search_fields = ["recipient", "host"]
    actions = ["retry"]

    @admin.display(description="what")
    def what(self, row: Delivery) -> str:
        return row.activity.kind

    @admin.display(description="next try", empty_value="–")
    def upcoming(self, row: Delivery) -> object:
        return row.next_at if row.state == "waiting" else None

    @admin.action(description="Try now", permissions=["act"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        who = of_request(request)
        waiting = queryset.exclude(state="delivered")
        self.each(request, waiting, lambda row: deliveries.retry_now(row, who), "is tried now")


@admin.register(RemoteHost)
class RemoteHostAdmin(_ReadOnly):
    """Servers that we have met. From a blocked one nothing is taken, and nothing is sent to it."""

    list_display = ["host", "is_blocked", "scheme", "failing_since", "retry_at"]
    list_filter = ["is_blocked"]
    search_fields = ["host"]
    actions = ["block", "unblock"]
    fields = ["host"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may_act(request)

    def save_model(self, request: HttpRequest, obj: RemoteHost, form: Any, change: bool) -> None:
        """Add a server in order to block it."""
        hosts.block(obj.host.strip().lower(), True, of_request(request))
        obj.pk = RemoteHost.objects.get(host=obj.host.strip().lower()).pk

    @admin.action(description="Block", permissions=["act"])
    def block(self, request: HttpRequest, queryset: QuerySet[RemoteHost]) -> None:
        who = of_request(request)
        self.each(request, queryset, lambda row: hosts.block(row.host, True, who), "is blocked")

    @admin.action(description="Unblock", permissions=["act"])
    def unblock(self, request: HttpRequest, queryset: QuerySet[RemoteHost]) -> None:
        who = of_request(request)
        self.each(request, queryset, lambda row: hosts.block(row.host, False, who), "is not blocked any more")
