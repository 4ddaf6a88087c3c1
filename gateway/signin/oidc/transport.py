"""Call the issuer for Authlib, within bounds: no redirects, so many bytes, so many seconds."""

from __future__ import annotations

import time
from typing import Any

from authlib.integrations.requests_client import OAuth2Session
from requests import Response
from requests.exceptions import ConnectionError as Broken
from requests.exceptions import Timeout
from urllib3.exceptions import HTTPError

CONNECT_SECONDS, READ_SECONDS, WHOLE_SECONDS = 5.0, 5.0, 10.0
MOST_BYTES = 1_048_576
PIECE = 16_384


class BoundedSession(OAuth2Session):  # type: ignore[misc]  # Authlib has no types
    """Reads every answer whole before anybody looks at it, or gives up."""

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        kwargs |= {"allow_redirects": False, "stream": True, "timeout": (CONNECT_SECONDS, READ_SECONDS)}
        deadline = time.monotonic() + WHOLE_SECONDS
        response: Response = super().request(method, url, *args, **kwargs)
        try:
            response._content = _read(response, deadline)
        except HTTPError as exc:
            raise Broken(str(exc)) from exc
        finally:
            response.close()
        return response


def _read(response: Response, deadline: float) -> bytes:
    """Return the whole body. Reads what is there, not so many bytes: who sends one now and then would keep us."""
    body = bytearray()
    while piece := response.raw.read1(PIECE, decode_content=True):
        body += piece
        if len(body) > MOST_BYTES:
            raise Broken(f"an answer of more than {MOST_BYTES} bytes")
        if time.monotonic() > deadline:
            raise Timeout(f"an answer that takes more than {WHOLE_SECONDS:g} s")
    return bytes(body)
