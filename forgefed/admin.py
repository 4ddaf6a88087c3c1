"""Actors, followers and activities, to look at."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from forgefed.models import Activity, Actor, Follower


class _ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Actor)
class ActorAdmin(_ReadOnly):
    list_display = ["name", "kind", "display_name", "created_at"]
    search_fields = ["name", "display_name"]


@admin.register(Follower)
class FollowerAdmin(_ReadOnly):
    list_display = ["uri", "actor", "followed_at"]
    list_select_related = ["actor"]
    search_fields = ["uri"]


@admin.register(Activity)
class ActivityAdmin(_ReadOnly):
    list_display = ["slug", "kind", "actor", "is_listed", "said_at"]
    list_select_related = ["actor"]
    list_filter = ["kind", "is_listed"]
    search_fields = ["slug"]
