"""Log lines: their form, and that no secret leaves by them."""

import io
import json
import logging
import logging.config
import sys
from collections.abc import Iterator

import pytest
from django.template import Context, Template

from gateway.kernel.redaction import Redactor
from gateway.telemetry import logs

SECRET = 'canary "quoted" ключ'


@pytest.fixture
def redactor(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = Redactor()
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


@pytest.mark.parametrize("form", ["text", "json"])
def test_libraries_say_nothing_at_debug(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Django writes the whole context of a template there in which a name is missed, a server the frames it gets."""
    root, ours = logging.getLogger(), [logging.getLogger(name) for name in ("gateway", "providers")]
    before = (root.handlers[:], root.level, [logger.level for logger in ours])
    try:
        logging.config.dictConfig(logs.config("debug", form))
        page = Template("{% if account.nothing %}{{ account.less|lower }}{% endif %}")
        page.render(Context({"account": object(), "secret": "canary-in-a-context"}))
        for name in ("websockets.server", "daphne.http_protocol", "some.package", "authlib.oauth2"):
            logging.getLogger(name).debug("canary-in-%s", name)
        logging.getLogger("providers.client").debug("of ours")
    finally:
        root.handlers[:], level, levels = before
        root.setLevel(level)
        for logger, level in zip(ours, levels, strict=True):
            logger.setLevel(level)
    written = capsys.readouterr().err
    assert "of ours" in written and "canary" not in written


def test_no_terminal_obeys_a_text_line(redactor: None) -> None:
    hostile = "\x1b[2J\x9b1m a\rb\u2028c\u202e \u200b\x7f\0\x85 \ud800 \ufeff"
    record = logging.LogRecord("gateway.x", logging.WARNING, "f", 1, "%s", (hostile,), None)
    logs.RequestIdFilter().filter(record)
    line = logs.TextFormatter().format(record)
    assert line.endswith(
        r"\x1b[2J\x9b1m a\rb\u2028c\u202e \u200b\x7f\x00\x85 \ud800 \ufeff"
    ) and line.splitlines() == [line]
    try:
        raise ValueError(hostile)
    except ValueError:
        record.exc_info = sys.exc_info()
    line = logs.TextFormatter().format(record)
    assert line.isprintable() or all(part.isprintable() for part in line.split("\n"))
    assert len(line.split("\n")) > 2  # a traceback stays one
    assert logs.JsonLineFormatter().format(record).isascii()
