"""Log lines: their form, and that no secret leaves by them."""

import io
import json
import logging
import logging.config
import sys
from collections.abc import Iterator

import pytest

from gateway import logs

SECRET = 'canary "quoted" ключ'


@pytest.fixture
def redactor(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = logs.Redactor()
    fresh.add([SECRET, "short"])
    monkeypatch.setattr(logs, "redact", fresh)


@pytest.fixture(params=["text", "json"])
def lines(request: pytest.FixtureRequest, redactor: None) -> Iterator[tuple[logging.Logger, io.StringIO]]:
    formatter = logs.JsonLineFormatter() if request.param == "json" else logs.TextFormatter()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    handler.addFilter(logs.RequestIdFilter())
    logger = logging.getLogger(f"tests.logs.{request.param}")
    logger.propagate = False
    logger.setLevel("DEBUG")
    logger.addHandler(handler)
    yield logger, stream
    logger.removeHandler(handler)


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
        ("postgres://user:pa55@host/db", "postgres://***@host/db"),
        (f"a {SECRET} b", "a *** b"),
        (json.dumps({"k": SECRET}), '{"k": "***"}'),
        (
            "nothing to hide: short, tokens, a Bearer token or key",
            "nothing to hide: short, tokens, a Bearer token or key",
        ),
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text: str, clean: str, redactor: None) -> None:
    assert logs.redact(text) == clean


def test_tracebacks_and_arguments_are_covered(lines: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = lines
    try:
        raise ValueError(f"while calling with {SECRET} and la_sk_abc.def.ghi")
    except ValueError:
        logger.exception("failed for %s", "Bearer abcdefgh", extra={"more": SECRET})
    written = stream.getvalue()
    assert "ValueError" in written
    for secret in ("canary", "abc.def", "abcdefgh"):
        assert secret not in written


def test_the_request_id_is_on_every_line(lines: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = lines
    token = logs.request_id.set("0190-id")
    logger.info("inside")
    logs.request_id.reset(token)
    logger.info("outside")
    inside, outside = stream.getvalue().splitlines()
    assert "0190-id" in inside
    assert "0190-id" not in outside


def test_one_record_is_one_line(lines: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = lines
    logger.info("first\nsecond %s", "a\r\nb")
    assert len(stream.getvalue().splitlines()) == 1


def test_json_has_its_fields(redactor: None) -> None:
    record = logging.LogRecord("gateway.x", logging.WARNING, "f", 1, "hello %s", ("you",), None)
    logs.RequestIdFilter().filter(record)
    line = json.loads(logs.JsonLineFormatter().format(record))
    assert {name: line[name] for name in ("level", "logger", "message", "request_id")} == {
        "level": "WARNING",
        "logger": "gateway.x",
        "message": "hello you",
        "request_id": "-",
    }
    assert line["time"].endswith("Z")


@pytest.mark.parametrize("form", ["text", "json"])
def test_everything_goes_to_standard_error_once(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    try:
        logging.config.dictConfig(logs.config("info", form))
        logging.getLogger("django.request").warning("one")
        logging.getLogger("gateway").debug("none")
    finally:
        root.handlers[:], level = before
        root.setLevel(level)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("one") == 1
    assert "none" not in captured.err
    assert sys.stderr is not None
