"""A parent and its workers: real processes, real signals, one socket."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.servers.lifecycle import SAME_SIGNAL_SECONDS
from gateway.servers.workers import environment
from tests.gateway.servers.conftest import Launch
from tests.gateway.servers.harness import (
    ROOT,
    ServerProcess,
    read_to_end,
    read_until,
    request,
    until,
)


def pids(process: ServerProcess) -> set[int]:
    return {process.get("/pid").json for _ in range(16)}


def has_two_of(process: ServerProcess, is_wanted: Callable[[set[int]], bool]) -> set[int]:
    found = pids(process)
    return found if len(found) == 2 and is_wanted(found) else set()


def test_two_workers_share_the_work(server_name: str, launch: Launch) -> None:
    process = launch(server_name, workers=2)
    found = until(lambda: has_two_of(process, bool))
    assert process.process.pid not in found
    process.signal(signal.SIGTERM)
    assert process.ends() == 0
    assert process.log.count("hooks: shut down") == 2


def test_the_parent_imports_no_server_and_no_django() -> None:
    code = (
        "import sys, gateway.servers.runner\n"
        "print(sorted({'daphne', 'twisted', 'uvicorn', 'django', 'uvloop'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_killed_worker_is_replaced(server_name: str, launch: Launch) -> None:
    process = launch(server_name, workers=2)
    first = until(lambda: has_two_of(process, bool))
    victim = min(first)
    with process.connect() as sock:  # another's stream goes on
        sock.sendall(request("/stream?count=3&wait=0.1"))
        read_until(sock, b"data: 0")
        os.kill(victim, signal.SIGKILL)
        until(lambda: has_two_of(process, lambda now: victim not in now), 10)
    assert f"worker {victim} died with status -9 and is replaced" in process.log


class Load:
    """Threads that ask without end, each time on a new connection; `errors` is what went wrong."""

    def __init__(self, process: ServerProcess, threads: int = 3) -> None:
        self.process = process
        self.errors: list[str] = []
        self.asked = 0
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.ask) for _ in range(threads)]

    def ask(self) -> None:
        while not self.stopping.is_set():
            try:
                answer = self.process.get("/hello")
                if answer.status != 200 or answer.json != "hello":
                    self.errors.append(repr(answer.raw))
            except OSError as exc:
                self.errors.append(repr(exc))
            self.asked += 1

    def __enter__(self) -> "Load":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def test_a_rolling_restart_breaks_nothing(server_name: str, launch: Launch) -> None:
    process = launch(server_name, workers=2)
    first = until(lambda: has_two_of(process, bool))
    with process.connect() as sock, Load(process) as load:
        sock.sendall(request("/stream?count=15&wait=0.1"))
        read_until(sock, b"data: 0")
        process.signal(signal.SIGHUP)
        until(lambda: has_two_of(process, lambda now: not now & first), 20)
        assert b"data: end" in read_until(sock, b"0\r\n\r\n")
    assert load.errors == []
    assert load.asked > 50


def test_a_rolling_restart_into_a_broken_update_keeps_the_old(launch: Launch, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    process = launch("uvicorn", workers=2, env={"TEST_BROKEN_FILE": str(broken)})
    first = until(lambda: has_two_of(process, bool))
    broken.touch()
    process.signal(signal.SIGHUP)
    until(lambda: "rolling restart given up" in process.log, 10)
    assert until(lambda: has_two_of(process, bool)) == first
    os.kill(min(first), signal.SIGKILL)
    until(lambda: process.log.count("broken by an update") >= 3, 10)  # tried again and again
    broken.unlink()
    assert max(first) in until(lambda: has_two_of(process, lambda now: now != first), 10)


def test_a_rolling_restart_waits_for_the_first_start(tmp_path: Path) -> None:
    process = ServerProcess("uvicorn", tmp_path, {"TEST_START": "slow"}, workers=2)
    until(lambda: process.log.count("starting") == 2, 10)
    process.signal(signal.SIGHUP)
    with process:
        first = pids(process)
        until(lambda: has_two_of(process, lambda now: not now & first), 10)
        assert "given up" not in process.log
        process.signal(signal.SIGTERM)
        assert process.ends() == 0


def test_all_drain_also_when_everybody_gets_the_signal(server_name: str, launch: Launch) -> None:
    process = launch(server_name, workers=2)
    everybody = {process.process.pid, *until(lambda: has_two_of(process, bool))}
    socks = [process.connect() for _ in range(6)]
    for sock in socks:
        sock.sendall(request("/stream?count=5&wait=0.1"))
        read_until(sock, b"data: 0")
    for pid in everybody:  # as a terminal or a service manager does it
        os.kill(pid, signal.SIGINT)
    for sock in socks:
        assert read_to_end(sock).endswith(b"data: end\n\n\r\n0\r\n\r\n")
        sock.close()
    assert process.ends() == 0


def test_a_second_signal_ends_all(server_name: str, launch: Launch) -> None:
    process = launch(server_name, workers=2)
    with process.connect() as sock:
        sock.sendall(request("/polite"))
        read_until(sock, b"started")
        process.signal(signal.SIGTERM)
        until(lambda: "stopping" in process.log)
        time.sleep(SAME_SIGNAL_SECONDS * 1.5)
        process.signal(signal.SIGTERM)
        assert b"event: error" in read_to_end(sock)
    assert process.ends(4) == 0


def test_a_worker_that_overstays_is_killed(launch: Launch) -> None:
    process = launch("uvicorn", workers=2, drain_seconds=0)
    with process.connect() as sock:
        sock.sendall(request("/thread"))
        read_until(sock, b"started")
        process.signal(signal.SIGTERM)
        assert process.ends(15) == 0
        assert read_to_end(sock) is not None


def test_workers_do_not_outlive_their_parent(server_name: str, launch: Launch) -> None:
    process = launch(server_name, workers=2)
    orphans = until(lambda: has_two_of(process, bool))
    process.signal(signal.SIGKILL)
    until(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in orphans))


@pytest.mark.parametrize("how", ["fail", "crash"])
def test_a_first_worker_that_does_not_start_ends_the_parent(tmp_path: Path, how: str) -> None:
    process = ServerProcess("uvicorn", tmp_path, {"TEST_START": how}, workers=2)
    assert process.ends() == 1
    assert "ended with status 3 before it listened" in process.log
    assert "the application did not start" in process.log


def test_a_stop_while_starting(tmp_path: Path) -> None:
    process = ServerProcess("uvicorn", tmp_path, {"TEST_START": "hang"}, workers=2)
    until(lambda: process.log.count("hanging") == 2, 10)
    process.signal(signal.SIGTERM)
    assert process.ends(3) == 0


def test_workers_find_the_modules_that_we_find() -> None:
    assert set(environment()["PYTHONPATH"].split(os.pathsep)) >= {each for each in sys.path if each}
