"""The command `setup-link`: prints a link by which the first admin is made; the one before it ends."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import DatabaseError

from gateway.console import served
from gateway.kernel.commands import DATABASE_FAILURE, ResultCommand
from gateway.kernel.moments import end_for_people
from gateway.kernel.principal import COMMAND_LINE
from gateway.management import arguments, first_link
from tokens.people import first
from tokens.people.errors import HasAdmin


class Command(ResultCommand):
    help = "Print a link with which the first admin is made, while there is none."

    declare = staticmethod(arguments.setup_link)

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.GATEWAY.DISABLE_CONSOLE:
            self.fail("error: DISABLE_CONSOLE is set, so there is no page to set up at: use createsuperuser")
        try:
            made = first.make_link(principal=COMMAND_LINE)
        except HasAdmin as problem:
            self.fail(f"error: {problem.message}")
        except DatabaseError as problem:
            self.fail(DATABASE_FAILURE.tell(problem))
        link = first_link.address(
            served.address(settings.GATEWAY.DATA_DIR) or first_link.usual(), made.secret
        )
        self.say(options, {"setup_url": link, "expires_at": made.expires_at}, [link])
        if self.is_read_by_people:
            self.stderr.write(f"It works once, {end_for_people(made.expires_at, made.expires_at - 1)}.")
