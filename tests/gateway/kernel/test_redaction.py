"""Redaction: known secrets and shapes of secrets."""

from __future__ import annotations

import base64
import json

import pytest

from gateway.kernel.redaction import Redactor

SECRET = 'canary "quoted" ключ'


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("token la_sk_eyJ0.eyJz.CG-_x end", "token la_sk_*** end"),
        ("key sk-ant-oat01-abc_DEF-1 end", "key sk-ant-*** end"),
        ("key sk-proj-0123456789abcdef end", "key sk-*** end"),
        ("Authorization: Bearer abc.defgh", "Authorization: Bearer ***"),
        ("{'authorization': 'Bearer abcdefgh', 'a': 1}", "{'authorization': 'Bearer ***', 'a': 1}"),
        ("(b'x-api-key', b'abcdef')", "(b'x-api-key', b'***')"),
        ("x-api-key: abcdef", "x-api-key: ***"),
        ('{"api_key":"abcdef"}', '{"api_key":"***"}'),
        ("jwt eyJhbGci.eyJzdWIi.sig-_ end", "jwt *** end"),
        ("GET /device?user_code=BCDF-GHJK HTTP/1.1", "GET /device?user_code=*** HTTP/1.1"),
        ("/device?user_code=bcdfghjk&x=1", "/device?user_code=***&x=1"),
        ("/device?user_code=bcdf+ghjk&x=1", "/device?user_code=***&x=1"),
        ("/login/?next=/device%3Fuser_code%3DBCDF-GHJK", "/login/?next=/device%3Fuser_code%3D***"),
        ("{'user_code': 'BCDF-GHJK', 'a': 1}", "{'user_code': '***', 'a': 1}"),
        ("in [<DeviceCode: BCDF-GHJK>]", "in [<DeviceCode: ***>]"),
        ("GET '/oauth/callback?state=s1&code=abcdefgh-1'", "GET '/oauth/callback?state=s1&code=***'"),
        ("GET '/oauth/callback?code=abcdefgh-1&state=s1'", "GET '/oauth/callback?code=***&state=s1'"),
        ("device la_dc_aB-_9 refresh la_rt_aB-_9", "device la_dc_*** refresh la_rt_***"),
        ("postgres://user:pa55@host/db", "postgres://***@host/db"),
        (f"a {SECRET} b", "a *** b"),
        (json.dumps({"k": SECRET}), '{"k": "***"}'),
        (
            "nothing to hide: short, tokens, a Bearer token or key, user_code is missing, NGTK-BCDFG, ABCD-EFGH",
            "nothing to hide: short, tokens, a Bearer token or key, user_code is missing, NGTK-BCDFG, ABCD-EFGH",
        ),
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text: str, clean: str) -> None:
    redact = Redactor()
    redact.add([SECRET, "short"])
    assert redact(text) == clean


def test_a_secret_in_base64_is_one_too() -> None:
    redact = Redactor()
    redact.add([SECRET])
    for quoted in (SECRET, SECRET + ":", SECRET + "x"):
        encoded = base64.b64encode(quoted.encode()).decode()
        assert base64.b64encode(SECRET.encode())[:16].decode() not in redact.words(f"key {encoded} is wrong")
