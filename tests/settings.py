"""The settings tests run with: the gateway's own, untouched by the developer's environment and files."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from gateway.config import reading
from gateway.config.table import table

SCRATCH = Path(tempfile.mkdtemp(prefix="router-tests-"))
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)

for _option in table().values():
    os.environ.pop(_option.name, None)
    os.environ.pop(_option.file_name, None)
os.environ["TOKEN_SECRET"] = "test-secret-test-secret-test-secret-0"
os.environ["DATA_DIR"] = str(SCRATCH / "data")
os.environ["CLAUDE_CODE_HOME"] = str(SCRATCH / "claude")
os.environ["ROUTER_HOME"] = str(SCRATCH)  # of the processes that tests start
reading.read(SCRATCH, os.environ)

from gateway.settings import *  # noqa: E402, F403
from gateway.settings import DATABASES  # noqa: E402

# A file, not memory: background threads wait for its lock as they would in production.
DATABASES["default"]["TEST"] = {"NAME": str(SCRATCH / "test.sqlite3")}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_AUTOREFRESH = True  # every client of a test would look at all static files first
