"""What is asked of an account: by its source, and nothing that goes with another one."""

from __future__ import annotations

import getpass
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.credentials import clouds, files
from accounts.errors import BadAccount, MalformedCredential
from accounts.models import Account, Source
from gateway.console.pages.inputs import Input
from gateway.kernel.asking import BadParameter
from providers.catalog.live import catalog_to_show
from providers.drivers.table import DRIVERS

NAME = Input("name", "Name", help="Letters, digits, dash, underscore and dot", is_required=True)
TERMS = (
    Input("priority", "Priority", "whole", "Lower goes first; usually 100", is_rare=True),
    Input("weight", "Weight", "whole", "Share of calls under the weighted strategy; usually 1", is_rare=True),
    Input("max_parallel", "Parallel calls at most", "whole", "Empty: no limit", is_rare=True),
    Input(
        "pause_at_percent",
        "Pause at percent",
        "whole",
        "When any quota window is used this far. Empty: never",
        is_rare=True,
    ),
    Input(
        "request_caps",
        "Requests per window",
        "lines",
        "One per line: requests/seconds, such as 50/60",
        is_rare=True,
    ),
    Input(
        "proxy",
        "Egress proxy",
        "secret",
        "http:// or socks5://[user:password@]host:port. Never shown",
        is_rare=True,
    ),
)
PASTED = Input("credentials", "Login", "paste", "The contents of Claude Code's file .credentials.json")
PAIR = (
    PASTED,
    Input("secret", "Access token", "secret", "Instead of the file: its tokens one by one", is_rare=True),
    Input("refresh_token", "Refresh token", "secret", is_rare=True),
    Input("expires_at", "Ends at", "number", "Unix seconds, of the access token", is_rare=True),
)
KEY = Input("secret", "API key", "secret", "Stored encrypted, never shown again", is_required=True)
REGION = Input("region", "Region", help="Takes precedence over the provider's; empty: the provider's")


@dataclass(frozen=True, slots=True)
class Kind:
    """A source: what it is called, what it is for, where its secret is found, and which secrets it stores."""

    title: str
    about: str
    place: tuple[Input, ...] = ()
    secrets: tuple[Input, ...] = ()


SOURCES = {
    Source.API_KEY: Kind("API key", "A key of a provider, stored here.", secrets=(KEY,)),
    Source.OAUTH: Kind(
        "Claude login, stored here", "The tokens of a login, which the gateway refreshes.", secrets=PAIR
    ),
    Source.DIRECTORY: Kind(
        "Directory of a command line",
        "A login of Claude Code on the gateway's machine, which its own command line may renew.",
        (Input("location", "Directory", help="Its absolute path there", is_required=True),),
    ),
    Source.ENVIRONMENT: Kind(
        "Environment variable",
        "A key in the gateway's environment.",
        (Input("location", "Variable", help="Its name, such as TEAM_KEY", is_required=True),),
    ),
    Source.AWS: Kind(
        "AWS",
        "Keys, a profile, a role, or the machine's own login.",
        (Input("location", "Profile", help="Instead of keys; both empty: the machine's own login"), REGION),
        (
            Input("access_key_id", "Access key id"),
            Input("secret", "Secret access key", "secret", "Stored encrypted, never shown again"),
            Input("session_token", "Session token", "secret", is_rare=True),
            Input("role_arn", "Role to assume", help="arn:aws:iam::123456789012:role/name", is_rare=True),
        ),
    ),
    Source.GOOGLE: Kind(
        "Google",
        "A service account, workload identity, or the machine's own login.",
        (Input("location", "File", help="Its path on the gateway's machine, instead of the JSON"), REGION),
        (Input("secret", "JSON", "paste", "Of a service account or of workload identity; stored encrypted"),),
    ),
    Source.AZURE: Kind(
        "Azure (Entra ID)",
        "A client of Entra ID.",
        (REGION,),
        (
            Input("tenant_id", "Tenant", is_required=True),
            Input("client_id", "Client", is_required=True),
            Input(
                "secret", "Client secret", "secret", "Stored encrypted, never shown again", is_required=True
            ),
        ),
    ),
}
"""In the order in which they are proposed."""


def provider_input(source: str) -> Input:
    """Return the field of the provider, which proposes those that take such a login."""
    return Input("provider", "Provider", choices=[(name, "") for name in fitting(source)], is_required=True)


def fitting(source: str) -> list[str]:
    """Return the names of the providers that an account of this source can be one of."""
    login = clouds.KINDS.get(Source(source))
    found = []
    for name, record in sorted(catalog_to_show().view.providers.items()):
        driver = DRIVERS.get(record.kind)
        if driver is None or (login is not None and driver.login is not login):
            continue
        if source in (Source.DIRECTORY, Source.OAUTH) and not (
            driver.claims("claude-x") and driver.login is None
        ):
            continue
        found.append(name)
    return found


def to_add(source: str) -> tuple[Input, ...]:
    """Return the fields of a new account."""
    kind = SOURCES[Source(source)]
    return (NAME, provider_input(source), *kind.place, *kind.secrets, *TERMS)


def to_change(row: Account) -> tuple[Input, ...]:
    """Return the fields that may be changed: of one that the environment names, only the operator's terms."""
    terms = (*(_plain(each) for each in TERMS), Input("no_proxy", "Remove the egress proxy", "flag"))
    if row.is_managed:
        return terms
    return (provider_input(row.source), *SOURCES[Source(row.source)].place, *terms)


def to_log_in(row: Account) -> tuple[Input, ...]:
    """Return the fields of a new login; none where it is renewed elsewhere."""
    return () if row.is_managed else SOURCES[Source(row.source)].secrets


def _plain(field: Input) -> Input:
    return Input(field.name, field.label, field.kind, field.help, field.choices, field.is_required)


def standing(row: Account) -> dict[str, Any]:
    """Return what a form of changes begins with."""
    caps = [f"{cap['requests']}/{cap['window_seconds']}" for cap in row.request_caps]
    names = ("provider", "location", "region", "priority", "weight", "max_parallel", "pause_at_percent")
    return {**{name: getattr(row, name) for name in names}, **row.details, "request_caps": caps}


def as_given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values for the services. Raises `BadParameter`, `BadAccount`."""
    given = dict(values)
    if "request_caps" in given:
        given["request_caps"] = [_cap(line) for line in given["request_caps"]]
    if given.pop("no_proxy", False):
        given["proxy"] = ""
    pasted = given.pop("credentials", "")
    if pasted:
        given |= _pair(pasted)
    return given


def _cap(line: str) -> dict[str, int]:
    requests, _, window = line.partition("/")
    try:
        return {"requests": int(requests), "window_seconds": int(window)}
    except ValueError:
        raise BadParameter("request_caps", "each line must be requests/seconds, such as 50/60") from None


def _pair(text: str) -> dict[str, Any]:
    """Read what a credential file holds. Raises `BadAccount`, whose words hold nothing of it."""
    try:
        found = files.parse(text.encode())
    except MalformedCredential as exc:
        raise BadAccount("credentials", str(exc)) from None
    if found is None or found.is_logged_out:
        raise BadAccount("credentials", "there is no login in it")
    pair = {
        "secret": found.access_token,
        "refresh_token": found.refresh_token,
        "expires_at": found.expires_at,
    }
    return {name: value for name, value in pair.items() if value}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, and the command for it."""

    text: str
    command: str = ""


def steps(row: Account) -> list[Step]:
    """Return how such an account gets a login again."""
    if row.source == Source.DIRECTORY:
        home = f"CLAUDE_CONFIG_DIR={shlex.quote(row.location)}"
        return [
            Step(
                f"On the gateway's machine, as its user {getpass.getuser()}, start Claude Code:",
                f"{home} claude",
            ),
            Step("Log in, and quit once you are logged in:", "/login"),
            Step("The account is back within a second, without a restart. Press Test to check."),
        ]
    if row.source == Source.ENVIRONMENT:
        return [
            Step("Put a valid key into the gateway's environment:", f"{row.location}=…"),
            Step("Restart the gateway: running answers are finished first."),
            Step("Reset the account, then Test it."),
        ]
    if row.is_managed:
        return [Step("The environment defines this account: give it a login there, and restart the gateway.")]
    if row.source == Source.OAUTH:
        home = "CLAUDE_CONFIG_DIR=~/gateway-login"
        return [
            Step(
                "On any Linux machine, log in with Claude Code, using a separate directory:",
                f"{home} claude /login",
            ),
            Step("Show what it has written:", "cat ~/gateway-login/.credentials.json"),
            Step("Paste all of it below and save. The account is back at once."),
            Step("Remove the directory: two users of a login log each other out.", "rm -r ~/gateway-login"),
        ]
    if row.location:
        return [
            Step(f"Renew the login that {row.location} names, on the gateway's machine."),
            Step("Reset the account, then Test it."),
        ]
    return [
        Step("Make a new secret at the vendor."),
        Step("Enter it below and save. The account is back at once."),
    ]
