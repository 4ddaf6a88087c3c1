"""Where the documents are: `include` this at the root. `POST /inbox/code` is not offered yet."""

from __future__ import annotations

from django.urls import path

from forgefed import views
from forgefed.services import SERVICE_ACTOR

urlpatterns = [
    path(f"actor/{SERVICE_ACTOR}", views.actor),
    path(f"outbox/{SERVICE_ACTOR}", views.outbox),
    path(f"actors/{SERVICE_ACTOR}/followers", views.followers),
    path("activities/<slug:slug>", views.activity),
]
