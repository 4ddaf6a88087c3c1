"""Measure what a cloud costs beside Anthropic's API, in CPU, without sockets: `python -m bench.clouds`.

Messages over each kind: a call that is answered whole, and each event of a stream. Kinds with server-sent events should
cost at most 1.15 times what Anthropic's does, an event that comes in a frame at most twice. Rows of their own show what
it costs to sign each call for AWS, and to show a token that Google or Entra ID gave.
"""

import asyncio
from datetime import UTC, datetime, timedelta

from bench.cloud_kinds import ACCOUNTS, KEY, KINDS, model_of, providers_of, signed_names
from bench.cpu import CLAUDE, ROUNDS, small
from bench.in_process import Answer, Line, Lines, Post, authorized, cost, started
from bench.upstream import BODY, EVENTS, FRAMED, FRAMES, SSE
from gateway.kernel.principal import COMMAND_LINE
from providers import services as providers
from providers.clouds import sources

BASE = "http://127.0.0.1:9"


class GivenToken(sources.GoogleSource):
    """Google's default credentials, with a token that nobody was asked for."""

    def fetch(self):
        from google.oauth2.credentials import Credentials  # noqa: PLC0415 - an extra

        ends = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)
        self._found = Credentials(KEY, expiry=ends)
        return KEY


class GivenTokenOfEntra(sources.AzureSource):
    """The same of Entra ID's."""

    def fetch(self):
        self._token, self._until = KEY, self._clock() + 86_400
        return KEY


class CloudLine(Line):
    """Answers as the place does whose path is asked for."""

    async def exchange(self, head, body, is_head):
        path = head.split(b" ", 2)[1].partition(b"?")[0]
        if path.endswith(b"/invoke-with-response-stream"):
            chunks, kind = FRAMED, FRAMES
        elif b'"stream":true' in body:
            chunks, kind = SSE, "text/event-stream; charset=utf-8"
        else:
            chunks, kind = [BODY], "application/json"
        self.headers = list(Answer((), kind.encode()).raw_headers)
        self._chunks = iter(chunks)


class CloudLines(Lines):
    """Stands for the gateway's pool of connections."""

    def take(self, origin):
        return CloudLine()


async def measure(application, headers):
    """Print the microseconds of CPU of a whole call and of an event, and how they stand to Anthropic's.

    The kinds are asked in turns, so that what else the machine does meets them all alike.
    """
    posts = {}
    for name in (*KINDS, *signed_names()):
        model = CLAUDE if KINDS.get(name, name) is None else model_of(name)
        posts[name] = [Post("/v1/messages", small(model, stream), headers) for stream in (False, True)]
    best = {name: [float("inf")] * 2 for name in posts}
    for _ in range(10 * ROUNDS):
        for name, sent in posts.items():
            spent = [await cost(application, sent[0], 8, 1), await cost(application, sent[1], 2, 1)]
            best[name] = [min(pair) for pair in zip(best[name], spent, strict=True)]
    print(f"{'µs of CPU':<26}{'call':>8}{'':>7}{'per event':>11}")
    first = None
    for name, (whole, stream) in best.items():
        found = whole, (stream - whole) / EVENTS
        first = first or found
        ratios = [mine / theirs for mine, theirs in zip(found, first, strict=True)]
        print(f"{name:<26}{found[0]:>8.1f}{ratios[0]:>6.2f}×{found[1]:>11.2f}{ratios[1]:>6.2f}×")


def provide():
    """Make the rows: each kind with a key, then with an account whose credential is looked for."""
    from accounts import services as accounts  # noqa: PLC0415 - sorted, it would come before Django is set up

    for row in providers_of(BASE):
        providers.upsert(row, principal=COMMAND_LINE)
    for account in ACCOUNTS:
        accounts.add(account, principal=COMMAND_LINE)
    sources.GoogleSource, sources.AzureSource = GivenToken, GivenTokenOfEntra


async def drive(headers):
    runtime, application = await started(CloudLines)
    await measure(application, headers)
    await runtime.aclose()


def main():
    provide()
    headers = authorized()
    asyncio.run(drive(headers))


if __name__ == "__main__":
    main()
