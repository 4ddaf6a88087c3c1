"""The composition of a process: built once, at the first question, told of changes until it is dissolved."""

import subprocess
import sys

from gateway.kernel.parts import PARTS
from gateway.runtime.composition import RUNTIME, current, dissolve
from tokens import changes


def test_a_process_has_one_runtime_that_hears_of_changes_until_it_is_dissolved() -> None:
    runtime = current()
    assert current() is runtime is PARTS.get(RUNTIME)
    changes.announce_issued()
    assert runtime.composed.metrics.counts.issued == 1
    dissolve()
    changes.announce_issued()
    assert runtime.composed.metrics.counts.issued == 1 and PARTS.get(RUNTIME) is None
    assert current() is not runtime


def test_importing_composes_nothing() -> None:
    script = (
        "import django; django.setup()\n"
        "from gateway import entrypoints, urls\n"
        "from gateway.kernel.parts import PARTS\n"
        "from gateway.runtime import composition\n"
        "assert PARTS.get(composition.RUNTIME) is None\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=240)
