"""Tell people about tokens: times and what limits have used, in words."""

from __future__ import annotations

from datetime import UTC, datetime

END_OF_DATES = 253_402_300_800  # the year 10000; imported records may hold any number


def used_of(found: dict[str, object]) -> list[str]:
    """Return a line for each limit that is set, the token's own first, then its groups'."""
    lines = used_lines(found)
    groups = found.get("groups")
    for group in groups if isinstance(groups, list) else ():
        lines += [f"{group['name']}: {line}" for line in used_lines(group)]
    return lines


def used_lines(found: dict[str, object]) -> list[str]:
    """Return a line for each limit of a token or group that is set."""
    lines = [f"{found['requests']} requests in all"]
    for name in ("requests_per_minute", "input_tokens_per_minute", "output_tokens_per_minute"):
        if isinstance(seen := found[name], dict):
            lines.append(f"{seen['used']} {name.replace('_per_minute', '').replace('_', ' ')} in this minute")
    if isinstance(parallel := found["max_parallel_requests"], dict):
        lines.append(f"{parallel['used']} running now")
    if isinstance(budget := found["budget"], dict):
        ends = "" if budget["resets_at"] is None else f", resets {moment(budget['resets_at'])} UTC"
        lines.append(
            f"{budget['spent']} spent, {budget['reserved']} reserved, {budget['remaining']} left{ends}"
        )
    return lines


def moment(seconds: int) -> str:
    """Format Unix seconds for people; what is no date stays a number."""
    if not 0 <= seconds < END_OF_DATES:
        return str(seconds)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
