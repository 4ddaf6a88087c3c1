"""The gateway's own secrets go to no provider, whichever way their names come in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from gateway.config.table import table
from providers import services
from providers.catalog import store
from providers.doctor import doctor_lines
from providers.errors import BadImport, BadProvider
from providers.fields import own_secrets
from providers.files import services as file_services
from providers.forms import ProviderForm
from providers.models import Provider
from providers.probing import probe
from tests.principals import SOMEBODY

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("data_dir")]
BASE = {"name": "p", "base_url": "http://p/v1"}
SECRETS = [option.name for option in table().values() if option.is_secret]


@pytest.mark.parametrize("name", [*SECRETS, *sorted(own_secrets.OTHER_NAMES)])
def test_every_secret_option_and_its_file_are_ours_however_they_are_written(name: str) -> None:
    for text in (
        name,
        f"{name}_FILE",
        name.lower(),
        f" {name}\t",
        f"{name}_file ",
        f"\u200b{name}",
        f"{name}\x00",
    ):
        assert own_secrets.is_own(text), text


def test_other_names_are_not_ours() -> None:
    for text in ("", "LITELLM_MASTER_KEY", "MY_TOKEN_SECRET", "OPENAI_API_KEY", "KEY_FILE", "_FILE"):
        assert not own_secrets.is_own(text), text


@pytest.mark.parametrize("name", ["TOKEN_SECRET", " token_admin_key ", "DATABASE_URL_FILE", "Redis_Url"])
def test_every_way_in_refuses_it_and_names_the_field(name: str, tmp_path: Path) -> None:
    given = {**BASE, "api_key_env": name}
    file = tmp_path / "providers.json"
    file.write_text(json.dumps(given))
    with pytest.raises(BadProvider, match=r"api_key_env.*secret of this gateway"):
        services.upsert(given, principal=SOMEBODY)
    for text in (
        json.dumps(given),
        json.dumps({"providers": [given]}),
        f"PROVIDER: {json.dumps(given)}\n",
        f'p\n  base_url http://p/v1\n  api_key_env "{name}"\n',
    ):
        with pytest.raises(BadImport, match=r"api_key_env.*secret of this gateway"):
            services.import_text(text, principal=SOMEBODY)
    for arguments in (
        ["add", "--name", "p", "--base-url", "http://p/v1", "--api-key-env", name],
        ["import", str(file)],
    ):
        with pytest.raises(SystemExit):
            call_command("providers", *arguments)
    services.upsert(BASE, principal=SOMEBODY)
    with pytest.raises(BadProvider, match="api_key_env"):
        services.change("p", {"api_key_env": name}, principal=SOMEBODY)
    form = ProviderForm(
        {
            **BASE,
            "kind": "openai-compatible",
            "priority": 1,
            "responses": "auto",
            "login": "pool",
            "api_key_env": name,
        }
    )
    assert "secret of this gateway" in str(form.errors["api_key_env"])
    assert Provider.objects.get().api_key_env == ""


def test_a_record_of_the_reference_s_file_is_left_out_and_told(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "providers.lenv").write_text(
        f"PROVIDER: {json.dumps({**BASE, 'api_key_env': 'TOKEN_SECRET'})}\n"
    )
    ((line, problem),) = file_services.sync_file(principal=SOMEBODY).problems
    assert line == 1 and "secret of this gateway" in problem
    assert not Provider.objects.exists()


def test_a_row_of_an_earlier_version_is_passed_over_and_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TOKEN_SECRET", "CANARY")
    services.upsert({**BASE, "api_key": "own-key"}, principal=SOMEBODY)
    Provider.objects.update(api_key_env="TOKEN_SECRET")
    record = store.record_of(Provider.objects.get())
    assert record.own_credential() is None
    assert "TOKEN_SECRET is a secret of this gateway" in caplog.text
    (found,) = doctor_lines(online=True)
    assert found.is_problem and "PASSED OVER: TOKEN_SECRET" in found.text
    assert "TOKEN_SECRET is a secret" in probe("p", principal=SOMEBODY).message
    services.disable("p", principal=SOMEBODY)  # and it can be mended
    assert (
        store.record_of(services.change("p", {"api_key_env": ""}, principal=SOMEBODY)).own_credential()
        is not None
    )


def test_the_settings_provider_obeys_too(options: Any) -> None:
    options(OPENAI_COMPATIBLE_API_KEY_ENV="TOKEN_ADMIN_KEY")
    with pytest.raises(ImproperlyConfigured, match="OPENAI_COMPATIBLE_API_KEY_ENV"):
        store.boot_from_settings()
