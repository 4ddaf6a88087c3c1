"""The documents that others may read. The request's `Accept` and query are not looked at."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import orjson
from django.http import Http404, HttpRequest, HttpResponse

from forgefed import services
from forgefed.errors import UnknownDocument
from forgefed.vocabulary import MEDIA_TYPE, Document

View = Callable[..., HttpResponse]


def _document(make: Callable[..., Document]) -> View:
    """A view of GET and HEAD that answers with what `make` gives; other methods get an empty 405."""

    @wraps(make)
    def view(request: HttpRequest, **parts: str) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            refusal = HttpResponse(status=405, headers={"allow": "GET,HEAD"})
            del refusal["content-type"]
            return refusal
        try:
            document = make(**parts)
        except UnknownDocument as exc:
            raise Http404 from exc
        body = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
        headers = {"accept": MEDIA_TYPE, "content-length": str(len(body))}
        return HttpResponse(body, content_type=MEDIA_TYPE, headers=headers)

    view.csrf_exempt = True  # type: ignore[attr-defined]
    return view


actor = _document(services.actor_document)
outbox = _document(services.outbox_document)
followers = _document(services.followers_document)
activity = _document(services.activity_document)
