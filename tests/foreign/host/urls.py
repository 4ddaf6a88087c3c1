"""Its own pages first; the gateway answers every path that is left."""

from django.http import HttpResponse
from django.urls import include, path

urlpatterns = [
    path("", lambda request: HttpResponse("the host's own page")),
    path("", include("gateway.urls")),
]
