"""Make a gateway's rows of some months: calls, their sums, and everything else that pages list.

`bench.console` runs it where Django is set up, over the migrated database of DATA_DIR or DATABASE_URL. The database
makes the calls by itself, in ranges of numbers: ten million take minutes.
"""

import time
import uuid
from decimal import Decimal

from django.contrib.auth.models import Group as StaffGroup
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from accounts import services as accounts
from bench import console_others
from bench.console_others import LONG
from gateway.alerts import services as alerts
from gateway.hours.models import DayUsage, HourlyUsage
from gateway.kernel.principal import GATEWAY
from gateway.models import ExchangeRow
from providers import route_services as routes
from providers import services as providers
from tokens import services as tokens
from tokens.models import Group, Token
from tokens.people.models import Person
from tokens.policies import services as policies

TOGETHER = 500_000
"""Calls in one statement."""
DRAWN = {
    "luck": (2654435761, "4294967296.0"),  # 0 to 1
    "more": (2246822519, "4294967296.0"),
    "pick": (3266489917, "2147483648"),  # 0 or 1
    "account": (374761393, "2147483648"),
    "holder": (668265263, "65536"),  # 0 to 65535
}
"""What is drawn is the call's own number times this, modulo 2 ** 32: every run makes the same calls."""
ACCOUNTS, GROUPS = 8, 20
MODELS = (
    ("claude-opus-5-5", "anthropic"), ("claude-sonnet-5-5", "anthropic"), ("claude-haiku-5-5", "anthropic"),
    ("gpt-6", "openai"), ("gpt-6-mini", "openai"), ("llama-5-70b", "local"),
)  # fmt: skip
SURFACES = ("messages", "chat_completions", "responses")
COUNTS = (
    "input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "output_tokens",
    "bytes_in", "bytes_out",
)  # fmt: skip

HOLDERS = """
CREATE TEMPORARY TABLE bench_holder (
    n integer PRIMARY KEY, token_id text, label text, person text, named text, ledger text, grouped text)
"""
CALLS = """
INSERT INTO gateway_exchange (
    id, started_at, surface, method, path, peer, token_id, token_label, person, "group", ledger_id, group_ledger,
    parent_ledger, provider, account, model_asked, model_served, status, upstream_status, is_stream, is_refusal,
    is_estimated, failure_kind, failure_message, details, attempts, first_byte_seconds, total_seconds,
    overhead_seconds, cost, currency, written_at, input_tokens, cache_read_tokens, cache_write_5m_tokens,
    cache_write_1h_tokens, output_tokens, bytes_in, bytes_out)
SELECT {id}, {moment},
    CASE WHEN h.n % 3 = 0 THEN 'messages' WHEN h.n % 3 = 1 THEN 'chat_completions' ELSE 'responses' END,
    'POST', '/v1/messages', '10.1.' || (h.n % 250) || '.7', h.token_id, h.label, h.person, h.named, h.ledger,
    h.grouped, '', m.provider, m.provider || '-' || ((h.n + c.account) % 4), m.model, m.model,
    c.status, c.status, {yes}, c.status = 403, {no}, CASE WHEN c.luck > 0.995 THEN 'stream' ELSE '' END,
    CASE WHEN c.status >= 400 THEN 'Number of requests has exceeded your rate limit' ELSE '' END, '', 1,
    0.3 + c.more, 1.5 + c.more * 20, 0.002 + c.more / 100, {cost}, 'USD', c.ms, 900 + c.n % 1000, 20000, 500, 0,
    300 + c.n % 700, 80000, 9000
FROM (
    SELECT n, {first} + CAST(n * {step} AS bigint) AS ms, luck, more, pick, account,
        {holders} * holder * holder / 4294967296 AS holder,
        CASE WHEN luck < 0.02 THEN 429 WHEN luck < 0.03 THEN 500 WHEN luck < 0.04 THEN 499
             WHEN luck < 0.045 THEN 403 ELSE 200 END AS status
    FROM (SELECT n, {luck} AS luck, {more} AS more, {pick} AS pick, {holder} AS holder, {account} AS account
        FROM {numbers}) AS drawn
) AS c
JOIN bench_holder AS h ON h.n = c.holder
JOIN bench_model AS m ON m.n = (h.n + c.pick) % {models}
"""
SUMS = """
INSERT INTO gateway_daily (
    id, day, token_id, person, "group", ledger_id, group_ledger, parent_ledger, account, provider, model, surface,
    currency, requests, sent, errors, cancelled, refused, estimated, unpriced, total_seconds, cost, {counts})
SELECT {new_id}, {day}, token_id, person, "group", ledger_id, group_ledger, parent_ledger, account, provider,
    model_served, surface, currency, COUNT(*), COUNT(*),
    SUM(CASE WHEN (status >= 400 AND status <> 499) OR (status < 400 AND failure_kind <> '') THEN 1 ELSE 0 END),
    SUM(CASE WHEN status = 499 THEN 1 ELSE 0 END), SUM(CASE WHEN status = 403 THEN 1 ELSE 0 END), 0, 0,
    SUM(total_seconds), COALESCE(SUM(cost), 0), {sums}
FROM gateway_exchange
GROUP BY {day}, token_id, person, "group", ledger_id, group_ledger, parent_ledger, account, provider, model_served,
    surface, currency
"""
HOURS = """
INSERT INTO gateway_hour (hour, currency, calls, errors, units)
SELECT {hour}, currency, COUNT(*), SUM(CASE WHEN status >= 400 AND status <> 499 THEN 1 ELSE 0 END), {units}
FROM gateway_exchange WHERE {lately} GROUP BY {hour}, currency
"""
DAYS = """
INSERT INTO gateway_day (
    day, currency, requests, errors, refused, cancelled, unpriced, input_tokens, cache_read_tokens,
    cache_write_tokens, output_tokens, units)
SELECT day, currency, SUM(requests), SUM(errors), SUM(refused), SUM(cancelled), SUM(unpriced), SUM(input_tokens),
    SUM(cache_read_tokens), SUM(cache_write_5m_tokens + cache_write_1h_tokens), SUM(output_tokens), {units}
FROM gateway_daily GROUP BY day, currency
"""
SQLITE = {
    "id": "printf('%012x7%03x8%015x', c.ms, abs(random()) % 4096, abs(random()) % 1152921504606846976)",
    "moment": "strftime('%Y-%m-%d %H:%M:%f', c.ms / 1000.0, 'unixepoch')",
    "numbers": "(WITH RECURSIVE series(n) AS (SELECT {low} UNION ALL SELECT n + 1 FROM series WHERE n < {high}) "
    "SELECT n FROM series)",
    "yes": "1",
    "no": "0",
    "cost": "CASE WHEN c.status < 400 THEN round(0.004 + c.more / 50, 10) END",
    "day": "date(started_at)",
    "hour": "CAST(strftime('%s', started_at) AS integer) / 3600",
    "units": "COALESCE(SUM(CAST(ROUND(cost * 10000000000) AS integer)), 0)",
    "lately": "started_at > datetime('now', '-2 days')",
    "new_id": "lower(hex(randomblob(16)))",
}
POSTGRES = {
    "id": "(lpad(to_hex(c.ms), 12, '0') || '7' || lpad(to_hex((random() * 4095)::int), 3, '0') || '8' "
    "|| lpad(to_hex((random() * 1152921504606846975)::bigint), 15, '0'))::uuid",
    "moment": "to_timestamp(c.ms / 1000.0)",
    "numbers": "generate_series({low}, {high}) AS series(n)",
    "yes": "true",
    "no": "false",
    "cost": "CASE WHEN c.status < 400 THEN round((0.004 + c.more / 50)::numeric, 10) END",
    "day": "(started_at AT TIME ZONE 'UTC')::date",
    "hour": "floor(extract(epoch FROM started_at) / 3600)::bigint",
    "units": "COALESCE(SUM(cost * 10000000000), 0)::bigint",
    "lately": "started_at > now() - interval '2 days'",
    "new_id": "gen_random_uuid()",
}


def members(people):
    """Make groups and people in them; return both."""
    groups = [
        Group.objects.create(name=f"team-{n}", budget=Decimal(50_000), budget_period="month")
        for n in range(GROUPS)
    ]
    staff = [StaffGroup.objects.get_or_create(name=group.name)[0] for group in groups]
    users = User.objects.bulk_create(
        [
            User(username=f"person-{n:05}@example.org", email=f"person-{n:05}@example.org", password="!")
            for n in range(people)
        ]
    )
    Person.objects.bulk_create([Person(user=user) for user in users])
    User.groups.through.objects.bulk_create(
        [User.groups.through(user=user, group=staff[n % GROUPS]) for n, user in enumerate(users)]
    )
    return groups, users


def holders(count, people):
    """Make people, their groups and tokens; return what calls say of each token."""
    now = int(time.time())
    groups, users = members(people)
    made = [
        Token(
            id=str(uuid.uuid4()),
            label=f"{LONG * (n % 2)}{n}",
            issued_at=now - n,
            expires_at=now + 90 * 86_400,
            signed_until=now + 90 * 86_400,
            person_id=users[n % people].pk,
            group=groups[n % GROUPS],
            budget=Decimal(500) if n % 3 == 0 else None,
            budget_period="month" if n % 3 == 0 else "",
        )
        for n in range(count)
    ]
    for token in made:
        token.ledger_id = token.id
    Token.objects.bulk_create(made)
    return [
        (
            n,
            token.id,
            token.label,
            users[n % people].email,
            token.group.name,
            token.id,
            f"group:{token.group_id}",
        )
        for n, token in enumerate(made)
    ]


def calls(cursor, words, wanted, days):
    """Insert the calls, a range of numbers at a time, the oldest first."""
    first = int((time.time() - days * 86_400) * 1000)
    step = days * 86_400_000 / wanted
    drawn = {name: f"(CAST(n AS bigint) * {by} % 4294967296) / {unit}" for name, (by, unit) in DRAWN.items()}
    for low in range(0, wanted, TOGETHER):
        high = min(wanted, low + TOGETHER) - 1
        numbers = words["numbers"].format(low=low, high=high)
        cursor.execute(
            CALLS.format(**{**words, **drawn, "numbers": numbers}, first=first, step=step, models=len(MODELS))
        )
        print(f"{high + 1} calls", flush=True)


def settings():
    """Make one of each thing that pages are about and that no call makes."""
    alerts.create_channel(
        {"name": "ops", "kind": "webhook", "target": "https://hooks.example.org/x"}, principal=GATEWAY
    )
    alerts.create_rule({"event": "disk", "channels": ["ops"], "threshold": 90}, principal=GATEWAY)
    policies.put("team-0", {"model": "opus"}, principal=GATEWAY)
    providers.upsert(
        {"name": "local", "base_url": "http://127.0.0.1:9/v1", "api_key": "sk-1"}, principal=GATEWAY
    )
    routes.upsert({"model": "llama-5-70b", "provider": "local"}, principal=GATEWAY)
    accounts.add({"name": "anthropic-1", "source": "api_key", "secret": "sk-ant-1"}, principal=GATEWAY)


def cookies():
    """Log in one person of each role, and somebody without one; return their cookies by role."""
    found = {}
    for role in ("admin", "viewer", "developer"):
        user, _ = User.objects.get_or_create(
            username=f"bench-{role}@example.org",
            defaults={"email": f"bench-{role}@example.org", "is_staff": role != "developer"},
        )
        user.groups.add(StaffGroup.objects.get(name=f"role:{role}"))
        browser = Client()
        browser.force_login(user)
        found[role] = browser.cookies["sessionid"].value
    return found


def fill(wanted, days, people):
    """Fill the database."""

    words = SQLITE if connection.vendor == "sqlite" else POSTGRES
    held = holders(people * 3 // 2, people)
    settings()
    console_others.records(min(50_000, wanted // 20))
    console_others.told(min(50_000, wanted // 20))
    with connection.cursor() as cursor:
        cursor.execute(HOLDERS)
        marks = ", ".join(["%s"] * 7)
        cursor.executemany(f"INSERT INTO bench_holder VALUES ({marks})", held)
        cursor.execute(
            "CREATE TEMPORARY TABLE bench_model (n integer PRIMARY KEY, model text, provider text)"
        )
        cursor.executemany(
            "INSERT INTO bench_model VALUES (%s, %s, %s)", [(n, *model) for n, model in enumerate(MODELS)]
        )
        indices = without_indices(cursor) if connection.vendor == "postgresql" else []
        calls(cursor, {**words, "holders": len(held)}, wanted, days)
        for statement in indices:
            cursor.execute(statement)
        sums = ", ".join(f"SUM({name})" for name in COUNTS)
        cursor.execute(
            SUMS.format(new_id=words["new_id"], day=words["day"], counts=", ".join(COUNTS), sums=sums)
        )
        cursor.execute("SELECT COUNT(*) FROM gateway_daily")
        print(f"{cursor.fetchone()[0]} daily sums", flush=True)
        HourlyUsage.objects.all().delete()  # what the migration found: nothing
        cursor.execute(HOURS.format(**words))
        cursor.execute(DAYS.format(**words))
        DayUsage.objects.filter(currency=DayUsage.BEGUN).update(day="2020-01-01")
        cursor.execute("ANALYZE")


def without_indices(cursor):
    """Drop the indices of calls but the primary key; return what makes them again."""
    cursor.execute("""SELECT indexname, indexdef FROM pg_indexes
        WHERE tablename = 'gateway_exchange' AND indexname NOT LIKE '%pkey'""")
    found = cursor.fetchall()
    for name, _ in found:
        cursor.execute(f'DROP INDEX "{name}"')
    cursor.execute("SET maintenance_work_mem = '512MB'")
    return [definition for _, definition in found]


def fill_once(wanted, days, people):
    """Fill the database, unless it has been."""
    if not ExchangeRow.objects.exists():
        fill(wanted, days, people)


def issue():
    """Print a new token's secret."""
    print(tokens.issue(label="bench", principal=GATEWAY).secret)
