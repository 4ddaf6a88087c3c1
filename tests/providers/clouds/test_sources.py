"""Credentials are found where the vendors' libraries find them, in an empty home, from servers on sockets."""

from __future__ import annotations

import json
import time
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from providers.clouds import sources
from providers.clouds.sources import AZURE_SCOPE, GOOGLE_SCOPE, NoCredential, source_of
from providers.credentials.sigv4 import AwsKeys
from providers.upstream import Credential, CredentialKind
from tests.fakes.identities import ROBOT, SUBJECT_TOKEN, Identities
from tests.fakes.proxy import FakeProxy
from tests.fakes.server import Answer, FakeServer, Seen

REGION = "eu-central-1"
JSON = ("content-type", "application/json")
AWS_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "GOOGLE_APPLICATION_CREDENTIALS",
)


@pytest.fixture(autouse=True)
def empty_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in AWS_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    return tmp_path


def credential(kind: CredentialKind, **settings: Any) -> Credential:
    return Credential(kind, json.dumps(settings) if settings else "")


def keys(**settings: Any) -> AwsKeys:
    found = source_of(credential(CredentialKind.AWS, **settings), REGION, None).fetch()
    assert isinstance(found, AwsKeys)
    return found


def test_given_keys_are_taken_as_they_are() -> None:
    found = keys(access_key_id="AKIA1", secret_access_key="s" * 40, session_token="t" * 20)
    assert (found.access_key, found.token) == ("AKIA1", "t" * 20) and "s" * 40 not in repr(found)


def test_the_chain_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA2")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "e" * 40)
    assert keys().access_key == "AKIA2"


def test_a_profile_is_read_from_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("[team]\naws_access_key_id = AKIA3\naws_secret_access_key = p\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    assert keys(profile="team").access_key == "AKIA3"


def stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def test_a_containers_role_is_asked_for_and_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0

    def answer(seen: Seen) -> Answer:
        nonlocal count
        count += 1
        told = {
            "AccessKeyId": f"ASIA{count}",
            "SecretAccessKey": "c",
            "Token": "t",
            "Expiration": stamp(7200),
        }
        return Answer(200, [JSON], [json.dumps(told).encode()])

    with FakeServer(answer) as server:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/role")
        source = source_of(credential(CredentialKind.AWS), REGION, None)
        assert source.ready() is None
        first = source.fetch()
        assert source.ready() == first and isinstance(first, AwsKeys) and first.access_key == "ASIA1"
        again = source.fetch()
        assert isinstance(again, AwsKeys) and again.access_key == "ASIA2"


ROLE = "arn:aws:iam::123456789012:role/r"
ASSUMED = (
    "<AssumeRoleResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><AssumeRoleResult><Credentials>"
    "<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>r</SecretAccessKey><SessionToken>t</SessionToken>"
    "<Expiration>2100-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
)


def test_a_role_is_assumed_with_the_given_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(seen: Seen) -> Answer:
        asked = parse_qs(seen.body.decode())
        assert asked["RoleArn"] == ["arn:aws:iam::123456789012:role/r"]
        assert b"Credential=AKIA4/" in (seen.get("authorization") or b"")
        xml = (
            "<AssumeRoleResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><AssumeRoleResult><Credentials>"
            "<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>r</SecretAccessKey><SessionToken>t</SessionToken>"
            f"<Expiration>{stamp(3600)}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
        )
        return Answer(200, [("content-type", "text/xml")], [xml.encode()])

    with FakeServer(answer) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        role = "arn:aws:iam::123456789012:role/r"
        found = keys(access_key_id="AKIA4", secret_access_key="s" * 40, role_arn=role)
    assert (found.access_key, found.token) == ("ASIAROLE", "t")


def test_a_role_is_assumed_through_the_accounts_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(seen: Seen) -> Answer:
        return Answer(200, [("content-type", "text/xml")], [ASSUMED.encode()])

    settings = {"access_key_id": "AKIA4", "secret_access_key": "s" * 40, "role_arn": ROLE}
    with FakeServer(answer) as server, FakeProxy("u", "p") as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        url = proxy.url("http", "u", "p")
        found = source_of(credential(CredentialKind.AWS, **settings), REGION, url).fetch()
        assert isinstance(found, AwsKeys) and found.access_key == "ASIAROLE"
        assert len(server.seen) == 1 and any(server.url.removeprefix("http://") in one for one in proxy.asked)


def test_where_botocore_can_not_use_a_proxy_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeServer(lambda seen: Answer(500, [], [b""])) as server, FakeProxy() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        settings = {"access_key_id": "AKIA4", "secret_access_key": "s" * 40}
        socks = proxy.url("socks5")
        given = source_of(credential(CredentialKind.AWS, **settings), REGION, socks).fetch()
        assert isinstance(given, AwsKeys) and given.access_key == "AKIA4"
        source = source_of(credential(CredentialKind.AWS, **settings, role_arn=ROLE), REGION, socks)
        with pytest.raises(Exception, match=r"(?i)proxy"):
            source.fetch()
        assert not server.seen


def test_a_pods_role_is_assumed_with_its_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As on EKS: the environment names a role and a file, and no region."""

    def answer(seen: Seen) -> Answer:
        asked = parse_qs(seen.body.decode())
        assert asked["Action"] == ["AssumeRoleWithWebIdentity"]
        assert asked["WebIdentityToken"] == ["token-of-the-pod"] and seen.get("authorization") is None
        xml = (
            "<AssumeRoleWithWebIdentityResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'>"
            "<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAPOD</AccessKeyId>"
            "<SecretAccessKey>p</SecretAccessKey><SessionToken>t</SessionToken>"
            f"<Expiration>{stamp(3600)}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"
            "</AssumeRoleWithWebIdentityResponse>"
        )
        return Answer(200, [("content-type", "text/xml")], [xml.encode()])

    token = tmp_path / "token"
    token.write_text("token-of-the-pod")
    with FakeServer(answer) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
        monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod")
        assert keys().access_key == "ASIAPOD"


def test_nothing_anywhere_is_said() -> None:
    with pytest.raises(NoCredential, match="chain"):
        keys()


def service_account(url: str) -> tuple[dict[str, str], Any]:
    key = rsa.generate_private_key(65537, 2048)
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, *form).decode()
    info = {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "k",
        "private_key": pem,
        "client_email": "robot@p.iam.gserviceaccount.com",
        "token_uri": f"{url}/token",
    }
    return info, key.public_key()


def test_a_service_account_signs_for_its_token() -> None:
    public: Any = None

    def answer(seen: Seen) -> Answer:
        form = parse_qs(seen.body.decode())
        audience = "https://oauth2.googleapis.com/token"  # whatever `token_uri` says
        claims = jwt.decode(form["assertion"][0], public, algorithms=["RS256"], audience=audience)
        assert claims["scope"] == GOOGLE_SCOPE and claims["iss"] == "robot@p.iam.gserviceaccount.com"
        return Answer(200, [JSON], [b'{"access_token": "ya29.token-of-google", "expires_in": 3600}'])

    with FakeServer(answer) as server:
        info, public = service_account(server.url)
        source = source_of(credential(CredentialKind.GOOGLE, info=info), "", None)
        assert source.ready() is None and source.fetch() == "ya29.token-of-google" == source.ready()


def test_google_is_asked_through_the_accounts_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(seen: Seen) -> Answer:
        return Answer(200, [JSON], [b'{"access_token": "ya29.by-the-proxy", "expires_in": 3600}'])

    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # the environment's is not the account's
    with FakeServer(answer) as server, FakeProxy("u", "p") as proxy:
        info, _ = service_account(server.url)
        source = source_of(credential(CredentialKind.GOOGLE, info=info), "", proxy.url("http", "u", "p"))
        assert source.fetch() == "ya29.by-the-proxy"
        assert len(server.seen) == 1 and any(server.url.removeprefix("http://") in one for one in proxy.asked)


@pytest.mark.parametrize("robot", ["", ROBOT])
def test_a_workload_is_exchanged_at_no_other_place_than_its_own(tmp_path: Path, robot: str) -> None:
    """Nobody is asked for the project's name: what leads elsewhere fails here, where no such host is."""
    subject = tmp_path / "subject"
    subject.write_text(SUBJECT_TOKEN)
    with Identities() as identities:
        info = identities.workload(str(subject), robot)
        source = source_of(credential(CredentialKind.GOOGLE, info=info), "", None)
        expected = identities.coming_robot if robot else identities.coming_token
        assert source.ready() is None and source.fetch() == expected == source.ready()
        assert not identities.refused


def test_googles_file_counts_as_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def answer(seen: Seen) -> Answer:
        return Answer(200, [JSON], [b'{"access_token": "ya29.of-the-file", "expires_in": 3600}'])

    with FakeServer(answer) as server:
        file = tmp_path / "google.json"
        file.write_text(json.dumps(service_account(server.url)[0]))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        assert source_of(credential(CredentialKind.GOOGLE), "", None).fetch() == "ya29.of-the-file"


def test_the_metadata_server_gives_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(seen: Seen) -> Answer:
        flavor = ("metadata-flavor", "Google")
        if seen.path.endswith(b"/token"):
            told = {"access_token": "ya29.of-the-machine", "expires_in": 3600, "token_type": "Bearer"}
            return Answer(200, [JSON, flavor], [json.dumps(told).encode()])
        if seen.path.endswith(b"/project-id"):
            return Answer(200, [("content-type", "text/plain"), flavor], [b"p"])
        told = {"email": "robot@p", "scopes": [GOOGLE_SCOPE], "aliases": ["default"]}
        return Answer(200, [JSON, flavor], [json.dumps(told).encode()])

    with FakeServer(answer) as server:
        host = server.url.removeprefix("http://")
        monkeypatch.delenv("NO_GCE_CHECK")
        monkeypatch.setenv("GCE_METADATA_HOST", host)
        monkeypatch.setenv("GCE_METADATA_ROOT", host)
        monkeypatch.setenv("GCE_METADATA_IP", host)
        metadata = import_module(
            "google.auth.compute_engine._metadata"
        )  # which reads them when it is imported
        monkeypatch.setattr(metadata, "_METADATA_ROOT", f"http://{host}/computeMetadata/v1/", raising=False)
        monkeypatch.setattr(metadata, "_GCE_METADATA_HOST", host, raising=False)
        monkeypatch.setattr(metadata, "_METADATA_IP_ROOT", f"http://{host}", raising=False)
        assert source_of(credential(CredentialKind.GOOGLE), "", None).fetch() == "ya29.of-the-machine"
        with FakeProxy() as proxy:  # which would look for itself, not for this machine
            own = source_of(credential(CredentialKind.GOOGLE), "", proxy.url("http"))
            assert own.fetch() == "ya29.of-the-machine" and not proxy.asked


def test_an_azure_client_is_granted_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(seen: Seen) -> Answer:
        form = parse_qs(seen.body.decode())
        assert seen.path == b"/tenant/oauth2/v2.0/token" and form["scope"] == [AZURE_SCOPE]
        assert form["grant_type"] == ["client_credentials"] and form["client_secret"] == ["secret-of-azure"]
        return Answer(200, [JSON], [b'{"access_token": "token-of-azure", "expires_in": 3600}'])

    with FakeServer(answer) as server:
        monkeypatch.setenv("AZURE_AUTHORITY_HOST", server.url)
        settings = {"tenant_id": "tenant", "client_id": "client", "client_secret": "secret-of-azure"}
        source = source_of(credential(CredentialKind.AZURE, **settings), "", None)
        assert source.fetch() == "token-of-azure" == source.ready()


def test_azures_authority_is_plain_http_on_this_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "http://authority.example")
    with pytest.raises(NoCredential, match="https"):
        source_of(credential(CredentialKind.AZURE, tenant_id="t"), "", None).fetch()


def test_for_a_second_the_library_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(sources.time, "monotonic", lambda: now)
    source = source_of(
        credential(CredentialKind.AWS, access_key_id="A", secret_access_key="s" * 40), "", None
    )
    assert source.ready() is None
    first = source.fetch()
    assert source.ready() is first and source.ready() is first
    now += sources.KEPT_SECONDS
    assert source.ready() == first and source.ready() is not first


def test_a_token_that_ends_soon_is_not_ready() -> None:
    answer = b'{"access_token": "ya29.soon-over", "expires_in": 9}'
    with FakeServer(lambda seen: Answer(200, [JSON], [answer])) as server:
        info, _ = service_account(server.url)
        source = source_of(credential(CredentialKind.GOOGLE, info=info), "", None)
        assert source.fetch() == "ya29.soon-over" and source.ready() is None
