"""Serve the documents that others may read. The request's `Accept` is not looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps

import orjson
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse

from forgefed import services, vocabulary
from forgefed.errors import UnknownDocument
from forgefed.vocabulary import MEDIA_TYPE, NODEINFO_SCHEMA, Document

View = Callable[..., HttpResponse]
Make = Callable[..., Document]

ACTIVITY = {"accept": MEDIA_TYPE, "vary": "Accept"}
OPEN = {"access-control-allow-origin": "*"}
JRD = "application/jrd+json"
NODEINFO = f'application/json; profile="{NODEINFO_SCHEMA}#"'


class BadQuery(Exception):
    """The query lacks what the document is asked by."""


def _document(make: Make, kind: str = MEDIA_TYPE, headers: Mapping[str, str] = ACTIVITY) -> View:
    """Return a view of GET and HEAD that answers with what `make` gives; other methods get an empty 405."""

    @wraps(make)
    def view(request: HttpRequest, **parts: str) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            refusal = HttpResponse(status=405, headers={"allow": "GET,HEAD"})
            del refusal["content-type"]
            return refusal
        try:
            document = make(request, **parts)
        except UnknownDocument as exc:
            raise Http404 from exc
        except BadQuery as exc:
            body = orjson.dumps({"error": "invalid_request", "message": str(exc)})
            return HttpResponse(body, status=400, content_type="application/json")
        body = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
        length = {"content-length": str(len(body))}
        return HttpResponse(body, content_type=kind, headers={**headers, **length})

    view.csrf_exempt = True  # type: ignore[attr-defined]
    return view


def _page(request: HttpRequest) -> int | None:
    """Return the page that is asked for; what is no number asks for the collection itself."""
    asked = request.GET.get("page", "")
    return int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 10 else None


def _webfinger(request: HttpRequest) -> Document:
    resource = request.GET.get("resource", "")
    if not resource:
        raise BadQuery("resource is required")
    return services.webfinger_document(resource)


actor = _document(lambda request: services.actor_document())
outbox = _document(lambda request: services.outbox_document(_page(request)))
followers = _document(lambda request: services.followers_document(_page(request)))
activity = _document(lambda request, slug: services.activity_document(slug))
webfinger = _document(_webfinger, JRD, OPEN)
nodeinfo_links = _document(
    lambda request: vocabulary.nodeinfo_links(settings.ACTOR_BASE_URL), "application/json", OPEN
)
nodeinfo = _document(lambda request: vocabulary.nodeinfo(settings.SOFTWARE_VERSION), NODEINFO, OPEN)
