"""Render the tables of a run in Markdown, and say whether the targets are met."""

from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

TARGETS = {
    "uvicorn": {"1 KB": 2.0, "100 KB": 1.5, "1 MB": 1.5, "event": 1.3},
    "daphne": {"1 KB": 1.5, "100 KB": 1.5, "1 MB": 1.5, "event": 1.3},
}
"""CPU of the gateway with everything on, as a multiple of the bare relay on the same server as it is
installed.
"""

TRANSLATED_REQUEST = 2.5  # × the bare relay
TRANSLATED_EVENT = 2.0  # × an event that passes through

INTRODUCTION = """# Benchmarks

This page shows what one process of the gateway costs with everything switched on: token check, choice of account,
usage rows and metrics. It is compared with two others: a bare relay of twenty lines on the same server, and the
upstream alone. The upstream is a canned vendor on loopback. All three are measured in turn within one run. The name
of a column is the size of the request; the answer is a Message of about 1 KB, or a stream of 100 events, one every
10 ms, 64 streams at once.

How to read the tables:

- **CPU** is user and system time of all the server's processes, per request at 16 connections, or per event. It is
  the median of the rounds. A ratio is taken between two runs that followed each other, and the median of those
  ratios is shown, because a shared machine may be slower for a while.
- **Translated** is an OpenAI Chat client on an Anthropic upstream, or an Anthropic client on an OpenAI one, per
  event of the upstream.
- **Requests/s** is what `wrk` reached with 16 connections. Load and upstream run on the same machine, so compare
  rows with each other only.
- **Added** is the latency at one connection beyond that of the upstream alone.
- **Stock** is the server as its own command line starts it. The other lines are servers as `manage.py serve` starts
  them; our daphne is cheaper than the stock one. The targets are against the stock server; the line below each
  shows the gateway's own share.

Absolute figures differ from machine to machine. The ratios are what we hold ourselves to. `make bench` makes the
tables on yours.

More benchmarks, each on its own page: [choosing an account](benchmarks-pool.md), [limits](benchmarks-limits.md),
[workers and slow streams](benchmarks-workers.md), [pairs with another commit](benchmarks-pairs.md), [the live
feed](benchmarks-feed.md), and [the console over many calls](benchmarks-console.md).
"""


@dataclass
class Row:
    """The figures of one subject. CPU figures are lists: one for each round."""

    name: str
    base: str | None  # the bare relay that the targets are about; None = not a gateway
    rate: dict[str, float]
    cpu_ms: dict[str, list[float]]
    p50: dict[str, float]
    p99: dict[str, float]
    event_ms: list[float]
    # ms per request of 1 KB, per event of the upstream
    translated: dict[str, tuple[list[float], list[float]]]
    resident_mb: float


def table(header, lines):
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [header, rule, *lines])


def costs(rows):
    first = next(iter(rows.values()))
    sizes = list(first.rate)
    header = ["CPU, ms", *sizes, "per event", "RSS, MB"]
    lines = []
    for row in rows.values():
        if row is first:
            continue
        cells = [f"{median(row.cpu_ms[size]):.3f}" for size in sizes]
        lines.append([row.name, *cells, f"{median(row.event_ms):.4f}", f"{row.resident_mb:.0f}"])
    return table(header, lines)


def speeds(rows):
    first = next(iter(rows.values()))
    timed = list(first.p50)
    header = [
        "",
        *[f"{size}, requests/s" for size in first.rate],
        *[f"{size}, added p50 / p99, ms" for size in timed],
    ]
    lines = []
    for row in rows.values():
        rates = [f"{rate:.0f}" for rate in row.rate.values()]
        lines.append([row.name, *rates, *[added(row, first, size) for size in timed]])
    return table(header, lines)


def added(row, first, size):
    """Write the latency beyond the upstream's own; for the upstream itself, in brackets, its own."""
    if row is first:
        return f"({row.p50[size]:.2f} / {row.p99[size]:.2f})"
    return f"{row.p50[size] - first.p50[size]:.2f} / {row.p99[size] - first.p99[size]:.2f}"


def ratios(rows):
    """Compare each gateway with the bare relay, and with the targets."""
    lines = []
    header = ["CPU over the bare relay's", "1 KB", "100 KB", "1 MB", "per event"]
    for row in rows.values():
        if row.base is None:
            continue
        server = row.name.rpartition(" ")[2]
        pairs = zip(multiples(row, rows[row.base]), TARGETS[server].values(), strict=True)
        cells = [with_target(ratio, target) for ratio, target in pairs]
        lines.append([f"{row.name}, over {row.base}", *cells])
        if (own := f"bare relay, {server}") in rows:
            lines.append(
                [f"{row.name}, over {own}", *[f"{ratio:.2f}" for ratio in multiples(row, rows[own])]]
            )
    return table(header, lines)


def translations(rows):
    """Compare a translated request with the bare relay's, a translated event with one passed through."""
    header = [
        "Translated, CPU",
        "1 KB, ms",
        "over the bare relay",
        "per event, ms",
        "over one passed through",
    ]
    lines = []
    for row in rows.values():
        for name, (whole, event) in row.translated.items():
            relayed = multiple(whole, rows[row.base].cpu_ms["1 KB"])
            cells = [f"{median(whole):.3f}", with_target(relayed, TRANSLATED_REQUEST)]
            cells += [f"{median(event):.4f}", with_target(multiple(event, row.event_ms), TRANSLATED_EVENT)]
            lines.append([f"{name}, {row.name}", *cells])
    return table(header, lines)


def with_target(ratio, target):
    return f"{ratio:.2f} (≤ {target}: {'yes' if ratio <= target else 'NO'})"


def multiples(row, base):
    """Return the row's cost as a multiple of the base's: per size, then per event."""
    sizes = [multiple(row.cpu_ms[size], base.cpu_ms[size]) for size in row.cpu_ms]
    return [*sizes, multiple(row.event_ms, base.event_ms)]


def multiple(costs, bases):
    """Return the median of the ratios, round by round."""
    return median(cost / base for cost, base in zip(costs, bases, strict=False))  # `--quick` leaves some out


def render(rows, command, machine):
    made = f"Made by `{command}` on {datetime.now(UTC):%Y-%m-%d}: {machine}."
    return "\n\n".join([made, ratios(rows), translations(rows), costs(rows), speeds(rows)])


def write(path, words):
    path.parent.mkdir(exist_ok=True)
    path.write_text(INTRODUCTION + "\n" + words + "\n")
