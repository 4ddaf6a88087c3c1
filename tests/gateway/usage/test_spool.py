from __future__ import annotations

import resource
import stat
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from uuid_utils import uuid7

from gateway.exchange.exchange import Exchange
from gateway.usage.spool import Spool, encode, orphans
from providers.dialects.types import FailureKind, Usage

ROOT = Path(__file__).resolve().parents[3]


def exchange(**values: object) -> Exchange:
    return Exchange(id=str(uuid7()), started_at=1.5, **values)  # type: ignore[arg-type]


def read(source: object, count: int = 100) -> list[list[Exchange]]:
    return list(source.batches(count))  # type: ignore[attr-defined]


def test_everything_comes_back(tmp_path: Path):
    spool = Spool(tmp_path, "a", 10_000)
    full = exchange(
        usage=Usage(1, 2, 3, 4, 5, True),
        cost=Decimal("1.2345678901"),
        failure_kind=FailureKind.TIMEOUT,
        first_byte_seconds=0.1,
        token_label='"\n✓',
    )
    plain = exchange()
    assert spool.append([full]) == 0
    assert spool.append([plain]) == 0
    assert read(spool) == [[full, plain]]
    assert read(spool, 1) == [[full], [plain]]


def test_the_file_is_private_and_goes_when_it_is_cleared(tmp_path: Path):
    spool = Spool(tmp_path / "new", "a", 10_000)
    assert not list(tmp_path.iterdir())
    spool.append([exchange()])
    (file,) = (tmp_path / "new").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert spool.size_bytes == file.stat().st_size
    spool.clear()
    assert not file.exists()
    assert not spool.has_lines
    spool.append([exchange()])
    assert len(read(spool)[0]) == 1


def test_what_does_not_fit_is_left_out_and_counted(tmp_path: Path):
    line = len(encode(exchange()))
    spool = Spool(tmp_path, "a", line * 2 + 10)
    assert spool.append([exchange() for _ in range(5)]) == 3
    assert spool.append([exchange()]) == 1
    assert len(read(spool)[0]) == 2


def test_a_disk_that_refuses_leaves_the_file_as_it_was(tmp_path: Path):
    spool = Spool(tmp_path, "a", 1_000_000)
    spool.append([exchange()])
    size, limits = spool.size_bytes, resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            spool.append([exchange() for _ in range(50)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert spool.size_bytes == size == next(tmp_path.iterdir()).stat().st_size
    spool.append([exchange()])
    assert len(read(spool)[0]) == 2


def test_damaged_lines_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    one, two = exchange(), exchange()
    (tmp_path / "usage-x.spool").write_bytes(encode(one) + b"{}\n\xff\xfe\n" + encode(two) + encode(one)[:30])
    (orphan,) = orphans(tmp_path)
    assert read(orphan) == [[one, two]]
    assert "3 damaged lines" in caplog.text


def test_a_living_owner_keeps_its_file_a_dead_one_leaves_it(tmp_path: Path):
    script = (
        "import sys; from pathlib import Path; from gateway.usage.spool import Spool\n"
        "from gateway.exchange.exchange import Exchange\n"
        "s = Spool(Path(sys.argv[1]), 'other', 10000); s.append([Exchange(id='1', started_at=1.0)])\n"
        "print('ready', flush=True); sys.stdin.read()"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "ready\n"
        assert list(orphans(tmp_path)) == []
    finally:
        owner.kill()
        owner.communicate()
    (orphan,) = orphans(tmp_path)
    assert [row.id for batch in read(orphan) for row in batch] == ["1"]
    assert list(orphans(tmp_path)) == []  # claimed
    orphan.close()
    (orphan,) = orphans(tmp_path)
    orphan.clear()
    assert list(tmp_path.iterdir()) == []
