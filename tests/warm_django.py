"""Set Django up in the process that forks, as every program of ours does first, with no setting of that program.

A gateway's models, forms, schemas and routes are made of its code alone: making them is most of what a start costs, and
the forked need not do it again. What an option decides is read later, in the forked, where the settings are loaded
anew. An option that is read here fails, and a setting of Django's that was read here must be the same there.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SETTINGS = "gateway.settings"
NO_PROGRAMS = {
    "DJANGO_SETTINGS_MODULE": SETTINGS,
    "TOKEN_SECRET": "of-no-program-at-all-but-of-what-forks-them-all",
    **dict.fromkeys(("DATA_DIR", "CLAUDE_CODE_HOME", "HOME", "ROUTER_HOME"), "/nonexistent"),
}
"""The environment that Django is set up in."""
MADE_OF_OPTIONS = ("gateway/urls.py", "gateway/asgi.py")
"""What they import can be imported here; they themselves ask which surfaces and pages are on."""
IMPORTED = (
    "uvicorn", "gateway.servers.uvicorn", "forgefed.urls", "gateway.management.program", "gateway.management.utility",
    "gateway.management.commands.serve", "gateway.management.commands.doctor",
    "django.core.management.commands.migrate", "django.views.defaults", "django.contrib.auth.backends",
    "django.contrib.sessions.backends.db", "django.templatetags.cache", "django.templatetags.l10n",
    "django.templatetags.tz", "django.contrib.admin.templatetags.admin_list",
    "django.contrib.admin.templatetags.admin_modify", "django.contrib.admin.templatetags.log",
    "gateway.templatetags.console", "gateway.templatetags.shown",
    "twisted.internet.asyncioreactor", "twisted.internet.endpoints", "autobahn.twisted.websocket",
    "daphne.http_protocol", "daphne.ws_protocol", "stringprep", "encodings.idna",
)  # fmt: skip
"""What programs import while they start, beside that. None of it makes a reactor."""
LOADED_ANEW = frozenset({"_wrapped", "LOGGING", "DATABASES"})
"""Of what was read here: whatever it was made into is made again."""


def set_up(root: Path) -> None:
    """Set up, import what serves, and forget every option."""
    import django.conf  # noqa: PLC0415 - as all below, for the process that forks alone

    os.environ.update(NO_PROGRAMS)
    try:
        # Loads them, with all options, and keeps none as read.
        assert not hasattr(django.conf.settings, "NO_SUCH_SETTING")
        _refuse_options()
        django.setup()
        from django.db.migrations.loader import MigrationLoader  # noqa: PLC0415
        from django.utils.module_loading import import_string  # noqa: PLC0415

        for module in [*IMPORTED, *(name for file in MADE_OF_OPTIONS for name in _imported_by(root / file))]:
            importlib.import_module(module)
        for name in django.conf.settings.MIDDLEWARE:
            import_string(name)
        MigrationLoader(None)  # imports every migration
        assert "twisted.internet.reactor" not in sys.modules
    finally:
        for name in NO_PROGRAMS:
            del os.environ[name]
    _check_afterwards(_forget())


def _refuse_options() -> None:
    """Let every look at an option fail from now on."""
    from gateway.config import reading  # noqa: PLC0415
    from gateway.config.table import Options, table  # noqa: PLC0415

    class Unread(Options):
        def __getattribute__(self, name: str) -> Any:
            assert name not in table(), f"{name} is read before there is a program that it could be of"
            return super().__getattribute__(name)

    object.__setattr__(reading.current(), "__class__", Unread)


def _imported_by(file: Path) -> Iterator[str]:
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (
                f"{node.module}.{alias.name}" for alias in node.names if _is_module(node.module, alias.name)
            )


def _is_module(package: str, name: str) -> bool:
    return hasattr(importlib.import_module(package), "__path__") and (
        importlib.util.find_spec(f"{package}.{name}") is not None
    )


def _forget() -> dict[str, Any]:
    """Leave no setting loaded; return those that Django read while it was set up."""
    from django.conf import empty, settings  # noqa: PLC0415
    from django.db import connections  # noqa: PLC0415

    from gateway.config import reading  # noqa: PLC0415
    from gateway.kernel.parts import PARTS  # noqa: PLC0415

    read = {name: value for name, value in vars(settings).items() if name not in LOADED_ANEW}
    assert "GATEWAY" not in read
    PARTS.drop(reading.OPTIONS)
    for name in [*vars(settings)]:
        vars(settings).pop(name)
    vars(settings)["_wrapped"] = empty
    vars(connections).clear()
    connections.__init__()  # type: ignore[misc]  # of no database
    del sys.modules[SETTINGS], sys.modules["gateway"].settings  # type: ignore[attr-defined]
    return read


def _check_afterwards(read: dict[str, Any]) -> None:
    """Let a program fail that is set up with other settings than those that its models were made with."""
    import django  # noqa: PLC0415

    def checked(original: Callable[..., None] = django.setup, **given: Any) -> None:
        original(**given)
        from django.conf import settings  # noqa: PLC0415

        other = [name for name, value in read.items() if getattr(settings, name) != value]
        assert not other, f"made with other settings: {other}"

    django.setup = checked
