from __future__ import annotations

import json
import shutil
import time
import timeit
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from gateway.exchange.exchange import Exchange
from gateway.usage.recorder import Recorder, RecorderOptions
from tests import warm
from tests.fakes.postgres import Postgres, binaries
from tests.gateway.usage.making import exchange
from tests.harness import manage, prepare

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = Path(__file__).with_name("recorder_process.py")
QUICK = {
    "interval_seconds": 0.02,
    "retry_seconds": 0.02,
    "retry_max_seconds": 0.1,
    "batch": 10,
    "prune_seconds": 0.1,
    "retention_days": 0,  # the ids below are those of 1970
}
SQLITE = {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": "PRAGMA journal_mode=WAL;"}


class Busy(Recorder):
    """Let three more exchanges end while a batch is written."""

    def __init__(self, options: RecorderOptions) -> None:
        super().__init__(options)
        self.sizes: list[int] = []

    def _write(self, batch: Sequence[Exchange]) -> None:
        assert len(self.sizes) < 10, "it never ends"
        self.sizes.append(len(batch))
        for _ in range(3):
            self.concluded(exchange())
        super()._write(batch)


@pytest.mark.django_db(transaction=True)
def test_what_comes_while_a_batch_is_written_waits_for_the_next_turn(tmp_path: Path) -> None:
    recorder = Busy(RecorderOptions(tmp_path, batch=10, retention_days=0))
    for _ in range(25):
        recorder.concluded(exchange())
    recorder.turn()
    assert (recorder.sizes, recorder.queued, recorder.written) == ([10, 10, 10], 4, 30)


class Process:
    """Start a recorder in a process that can be killed."""

    def __init__(self, database: dict[str, object], directory: Path, **options: object) -> None:
        arguments = [str(SCRIPT), json.dumps(database), str(directory), json.dumps(QUICK | options)]
        environment = {
            "PYTHONPATH": str(ROOT),
            "PATH": "/usr/bin:/bin",
            "TOKEN_SECRET": "s" * 32,
            "ROUTER_HOME": str(directory.parent),
        }
        self._talk = warm.talk(arguments, directory.parent, environment)

    def __call__(self, command: str) -> dict[str, object]:
        answer = self._talk.ask(command)
        assert answer, "the recorder's process has died"
        return json.loads(answer)

    def until(self, is_so: Callable[[dict[str, object]], bool]) -> dict[str, object]:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            state = self("state")
            if is_so(state):
                return state
        raise AssertionError(state)

    def kill(self) -> None:
        self._talk.close()


class SqliteFile:
    """Give a database file that can be made unusable."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.database: dict[str, object] = {
            "ENGINE": "gateway.config.sqlite",
            "NAME": str(path),
            "OPTIONS": SQLITE,
        }

    def start(self) -> None:
        if self._path.is_dir():
            self._path.rmdir()
            self._path.with_suffix(".away").rename(self._path)

    def stop(self) -> None:
        self._path.rename(self._path.with_suffix(".away"))
        self._path.mkdir()


class PostgresDatabase:
    """Give a database of a server that can be stopped."""

    def __init__(self, postgres: Postgres, name: str) -> None:
        postgres.create(name, "migrated")
        self.database = {**postgres.database, "NAME": name}
        self.start, self.stop = postgres.start, postgres.stop


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """Give a server with a migrated database, which is copied for each test."""
    if binaries() is None:
        pytest.skip("no PostgreSQL server")
    postgres = Postgres()
    try:
        postgres.start()
        postgres.create("migrated")
        settings = {"DATABASE_URL": postgres.url("migrated")}
        manage(tmp_path_factory.mktemp("migrated"), "migrate", "-v0", settings=settings)
        yield postgres
    finally:
        postgres.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqliteFile | PostgresDatabase]:
    if request.param == "sqlite":
        shutil.copy(prepare(tmp_path / "migrated") / "data" / "router.sqlite3", tmp_path / "db.sqlite3")
        yield SqliteFile(tmp_path / "db.sqlite3")
        return
    postgres = request.getfixturevalue("postgres")
    yield PostgresDatabase(postgres, f"t{abs(hash(request.node.nodeid)) % 10**12}")
    if not postgres.is_up:
        postgres.start()


@pytest.fixture
def spawn(server: SqliteFile | PostgresDatabase, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    processes: list[Process] = []

    def make(**options: object) -> Process:
        processes.append(Process(server.database, tmp_path / "data", **options))
        processes[-1]("start")
        return processes[-1]

    yield make
    for process in processes:
        process.kill()


def spool_files(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "data").glob("*.spool"))


def test_an_outage_loses_nothing_and_ends_by_itself(
    server: SqliteFile | PostgresDatabase, spawn: Callable[..., Process], tmp_path: Path
):
    recorder = spawn()
    recorder("record 25 0")
    recorder.until(lambda state: state["written"] == 25)
    server.stop()
    recorder("record 25 25")
    away = recorder.until(lambda state: state["queued"] == 0 and state["spooled_bytes"] != 0)
    assert away["is_healthy"] is False
    (file,) = spool_files(tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    recorder("record 25 50")
    server.start()
    back = recorder.until(lambda state: state["written"] == 75 and state["spooled_bytes"] == 0)
    assert back == {"written": 75, "dropped": 0, "queued": 0, "spooled_bytes": 0, "is_healthy": True}
    assert recorder("sums") == {"rows": 75, "requests": 75, "tokens": 75}
    assert spool_files(tmp_path) == []


def test_the_next_process_writes_what_a_killed_one_had_spooled(
    server: SqliteFile | PostgresDatabase, spawn: Callable[..., Process]
):
    killed = spawn()
    server.stop()
    killed("record 30 0")
    killed.until(lambda state: state["queued"] == 0 and state["spooled_bytes"] != 0)
    killed.kill()
    server.start()
    heir = spawn()
    heir.until(lambda state: state["written"] == 30)
    assert heir("sums") == {"rows": 30, "requests": 30, "tokens": 30}


def test_a_replay_that_a_crash_cut_short_counts_nothing_twice(
    server: SqliteFile | PostgresDatabase, spawn: Callable[..., Process], tmp_path: Path
):
    killed = spawn()
    server.stop()
    killed("record 30 0")
    killed.until(lambda state: state["queued"] == 0 and state["spooled_bytes"] != 0)
    killed.kill()
    server.start()
    # As if the replay had got as far as number 17 when the process died: the rows are there, the file is, too.
    halfway = spawn(interval_seconds=60, batch=100)
    halfway("record 18 0")
    halfway("close")
    heir = spawn()
    heir.until(lambda state: state["written"] == 12)
    heir("close")
    assert heir("sums") == {"rows": 30, "requests": 30, "tokens": 30}
    assert spool_files(tmp_path) == []


def test_closing_writes_what_is_queued(spawn: Callable[..., Process]):
    recorder = spawn(interval_seconds=60)
    recorder("record 9 0")
    assert recorder("close")["written"] == 9
    assert recorder("sums") == {"rows": 9, "requests": 9, "tokens": 9}


def test_closing_while_the_database_is_away_spools(
    server: SqliteFile | PostgresDatabase, spawn: Callable[..., Process], tmp_path: Path
):
    recorder = spawn(interval_seconds=60)
    server.stop()
    recorder("record 9 0")
    recorder("close")
    assert len(spool_files(tmp_path)) == 1
    server.start()
    spawn().until(lambda state: state["written"] == 9)


def test_several_recorders_share_a_database(
    spawn: Callable[..., Process], server: SqliteFile | PostgresDatabase
):
    recorders = [spawn() for _ in range(3)]
    for number, recorder in enumerate(recorders):
        recorder(f"record 300 {number * 200}")  # 100 of each are the next one's, too
    for recorder in recorders:
        assert recorder("close")["dropped"] == 0
    assert recorders[0]("sums") == {"rows": 700, "requests": 700, "tokens": 700}


def test_old_rows_go_when_there_is_nothing_else_to_do(spawn: Callable[..., Process]):
    recorder = spawn(retention_days=90)
    recorder("record 35 0")
    deadline = time.monotonic() + 30
    while recorder("sums") != {"rows": 0, "requests": 35, "tokens": 35}:
        assert time.monotonic() < deadline


def test_old_audit_goes_with_them_and_stays_where_it_is_kept_for_ever(
    server: SqliteFile | PostgresDatabase, spawn: Callable[..., Process]
):
    keeping = spawn(retention_days=90, audit_days=0)
    keeping("audit 5")
    keeping("record 35 0")
    deadline = time.monotonic() + 30
    while keeping("sums") != {"rows": 0, "requests": 35, "tokens": 35}:
        assert time.monotonic() < deadline
    assert keeping("audited") == {"rows": 5}
    keeping("close")
    pruning = spawn(audit_days=365)
    while pruning("audited") != {"rows": 0}:
        assert time.monotonic() < deadline


def test_a_full_spool_loses_the_rest_and_counts_it(
    server: SqliteFile | PostgresDatabase, spawn: Callable[..., Process]
):
    recorder = spawn(spool_max_bytes=5000)
    server.stop()
    recorder("record 30 0")
    state = recorder.until(lambda state: state["queued"] == 0)
    assert 0 < state["spooled_bytes"] <= 5000
    server.start()
    kept = recorder.until(lambda state: state["spooled_bytes"] == 0 and state["is_healthy"])
    assert kept["written"] + kept["dropped"] == 30
    assert kept["dropped"] == state["dropped"] > 0


def recorder_in_memory(tmp_path: Path, **options: object) -> Recorder:
    """One that was never started: what it takes stays in its queue."""
    return Recorder(RecorderOptions(tmp_path, **options))  # type: ignore[arg-type]


def test_a_full_queue_drops_and_counts(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    recorder = recorder_in_memory(tmp_path, queue_max=3)
    for _ in range(5):
        recorder.concluded(exchange())
    assert (recorder.queued, recorder.dropped) == (3, 2)
    assert len(caplog.records) == 1


def test_recording_stays_far_below_what_a_request_costs(tmp_path: Path):
    recorder, one = recorder_in_memory(tmp_path, queue_max=10**9), exchange()
    best = min(timeit.repeat(lambda: recorder.concluded(one), number=1000, repeat=20)) / 1000
    assert best < 5e-6  # 0.3 µs on a quiet machine; the bound leaves room for a busy one


async def test_closing_what_was_never_started_is_fine(tmp_path: Path):
    await recorder_in_memory(tmp_path).aclose()
