"""`router federation …`: follow others, see who follows us and what is on its way, change keys."""

from __future__ import annotations

from typing import Any

from forgefed import following, keys, presenting, services
from forgefed.errors import ForgefedError, Unknown
from forgefed.management import arguments
from forgefed.models import Delivery
from gateway.kernel.commands import NOT_FOUND, ActionCommand, Failure, columns
from gateway.kernel.principal import COMMAND_LINE

SHOWN = 200  # deliveries


class Command(ActionCommand):
    help = "Follow actors of other servers, list followers and deliveries, change our keys."
    json_form = {"ensure_ascii": False}
    failures = (
        Failure(Unknown, lambda problem: f"not followed: {problem}", NOT_FOUND),
        Failure(ForgefedError, lambda problem: f"error: {problem}"),
    )

    declare = staticmethod(arguments.federation)

    def do_follow(self, options: dict[str, Any]) -> None:
        row = following.follow(options["uri"], COMMAND_LINE)
        self.say(options, presenting.following(row), [f"{row.uri}: {row.get_state_display()}"])

    def do_unfollow(self, options: dict[str, Any]) -> None:
        following.unfollow(options["uri"], COMMAND_LINE)
        self.say(options, {"unfollowed": options["uri"]}, [f"no longer following {options['uri']}"])

    def do_following(self, options: dict[str, Any]) -> None:
        rows = [presenting.following(row) for row in services.service_actor().following.all()]
        self._list(options, rows, ("state", "uri"), (9,))

    def do_followers(self, options: dict[str, Any]) -> None:
        rows = [presenting.follower(row) for row in services.service_actor().followers.all()]
        self._list(options, rows, ("since", "uri"), (20,))

    def do_deliveries(self, options: dict[str, Any]) -> None:
        found = Delivery.objects.select_related("activity")[:SHOWN]
        rows = [presenting.delivery(row) for row in found]
        self._list(options, rows, ("state", "kind", "attempts", "to", "error"), (10, 8, 8, 48))

    def do_rotate_keys(self, options: dict[str, Any]) -> None:
        keys.rotate(services.service_actor(), COMMAND_LINE)
        self.say(options, {"rotated": True}, ["new keys are in use; others fetch them when they need them"])

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **{**options, "action": options["action"].replace("-", "_")})

    def _list(
        self,
        options: dict[str, Any],
        rows: list[dict[str, Any]],
        names: tuple[str, ...],
        widths: tuple[int, ...],
    ) -> None:
        table = [names, *([str(row[name]) for name in names] for row in rows)]
        self.say(options, rows, [columns(row, widths) for row in table])
