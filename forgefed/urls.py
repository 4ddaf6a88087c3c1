"""Routes of federation: `include` this at the root."""

from __future__ import annotations

from django.urls import path

from forgefed import views
from forgefed.inbox import inbox
from forgefed.services import SERVICE_ACTOR

urlpatterns = [
    path(f"actor/{SERVICE_ACTOR}", views.actor),
    path(f"inbox/{SERVICE_ACTOR}", inbox),
    path(f"outbox/{SERVICE_ACTOR}", views.outbox),
    path(f"actors/{SERVICE_ACTOR}/followers", views.followers),
    path("activities/<slug:slug>", views.activity),
    path(".well-known/webfinger", views.webfinger),
    path(".well-known/nodeinfo", views.nodeinfo_links),
    path("nodeinfo/2.1", views.nodeinfo),
]
