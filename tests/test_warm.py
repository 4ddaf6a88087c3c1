"""Processes that are forked from one that has imported their libraries: as if each were an interpreter of its own."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from gateway import VERSION
from tests import warm
from tests.compat.program import REFERENCE

BARE = {"PATH": os.environ["PATH"], "PYTHONPATH": str(warm.ROOT)}
SAY = "import os, sys; print(sys.argv[1:], os.getcwd(), dict(os.environ), sys.stdin.read(), file=sys.stderr)"


def _run(tmp_path: Path, *arguments: str, **environment: str) -> warm.Ended:
    return warm.run(arguments, tmp_path, {**BARE, **environment}, 60)


def test_a_program_has_arguments_environment_and_folder_of_its_own(tmp_path: Path) -> None:
    done = _run(tmp_path, "-c", SAY, "one", "two", NAME="value")
    assert done.status == 0 and done.out == ""
    environment = {**BARE, "NAME": "value"}
    assert done.err.strip() == f"['one', 'two'] {tmp_path} {environment}"


def test_it_reads_what_it_is_given_and_writes_where_it_is_told(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.write_text("words")
    with tempfile.TemporaryFile() as out:
        code = "import sys; print(sys.stdin.read()); print('and', file=sys.stderr)"
        with given.open("rb") as read:
            assert warm.start(["-c", code], tmp_path, BARE, out, given=read).wait(60) == 0
        out.seek(0)
        assert sorted(out.read().split()) == [b"and", b"words"]


def test_one_can_talk_with_it(tmp_path: Path) -> None:
    code = "import sys\nfor line in sys.stdin: print(line.upper(), end='', flush=True)"
    talk = warm.talk(["-c", code], tmp_path, BARE)
    assert (talk.ask("one"), talk.ask("two é")) == ("ONE\n", "TWO É\n")
    talk.tell.close()
    assert talk.process.wait(60) == 0
    talk.close()


def test_a_shell_runs_it(tmp_path: Path) -> None:
    code = (
        "import os, sys; print(sys.argv[1], os.getcwd(), os.environ['NAME'], sys.stdin.read()); sys.exit(9)"
    )
    (tmp_path / "code.py").write_text(code)
    with warm.for_shells(tmp_path) as beginning:
        line = f"cd /; echo words | NAME=value {shlex.join(beginning)} {tmp_path}/code.py 'one two' > {tmp_path}/out"
        environment = {"PYTHONPATH": str(warm.ROOT)}
        assert subprocess.run(["sh", "-c", line], env=environment, timeout=240, check=False).returncode == 9
    assert (tmp_path / "out").read_text() == "one two / value words\n\n"


def test_our_program_runs_so_with_its_own_statuses(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "ROUTER_HOME": str(tmp_path)}
    done = _run(tmp_path, *REFERENCE, "tokens", "lst", **environment)
    assert (done.status, done.out) == (2, "") and "did you mean list?" in done.err
    done = _run(tmp_path, *REFERENCE, "--version", **environment)
    assert done == (0, f"link-assistant-router {VERSION}\n", "")


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("raise SystemExit(7)", 7, ""),
        ("raise SystemExit('why')", 1, "why"),
        ("1 / 0", 1, "ZeroDivisionError"),
    ],
)
def test_it_ends_as_an_interpreter_does(tmp_path: Path, code: str, status: int, said: str) -> None:
    done = _run(tmp_path, "-c", f"import atexit; atexit.register(print, 'left'); {code}")
    assert (done.status, done.out) == (status, "left\n") and said in done.err


def test_several_run_at_once_and_are_ended_by_signals(tmp_path: Path) -> None:
    with tempfile.TemporaryFile() as out:
        forked = [warm.start(["-c", "import time; time.sleep(60)"], tmp_path, BARE, out) for _ in range(3)]
        assert [process.poll() for process in forked] == [None, None, None]
        with pytest.raises(subprocess.TimeoutExpired):
            forked[0].wait(0.01)
        forked[1].terminate()
        forked[2].kill()
        assert (forked[1].wait(60), forked[2].wait(60)) == (-signal.SIGTERM, -signal.SIGKILL)
        assert forked[0].poll() is None
        forked[0].send_signal(signal.SIGUSR1)  # unlike SIGINT, no shell lets its background ignore it
        assert forked[0].wait(60) == forked[0].returncode == -signal.SIGUSR1


def test_what_reads_no_setting_is_imported_beforehand_and_nothing_else(tmp_path: Path) -> None:
    code = "import sys; from django.conf import settings; print(settings.configured, *sys.modules)"
    configured, *imported = _run(tmp_path, "-c", code).out.split()
    assert configured == "False"
    assert {"django", "httpx", "uvicorn", "providers.translation", "gateway.relay"} <= {*imported}
    assert not {"gateway.models", "tokens.models", *warm.NOT_BEFORE} & {*imported}


def test_what_changes_an_interpreter_starts_one_of_its_own(tmp_path: Path) -> None:
    code = "import sys; print(len(sys.modules), sys.flags.dev_mode)"
    few, mode = _run(tmp_path, "-c", code, PYTHONDEVMODE="1").out.split()
    many, usual = _run(tmp_path, "-c", code).out.split()
    assert int(few) < 100 < int(many) and (mode, usual) == ("True", "False")


def test_all_that_was_forked_ends_with_whoever_asked(tmp_path: Path) -> None:
    parent = warm.Parent()
    with tempfile.TemporaryFile() as out:
        sleep = ["-c", "import time; time.sleep(60)"]
        with Path(os.devnull).open("rb") as nothing:
            forked = parent.fork(sleep, tmp_path, BARE, (nothing, out, out))
    assert forked.poll() is None
    parent.close()
    assert forked.wait(60) == -signal.SIGKILL
