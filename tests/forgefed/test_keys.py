from __future__ import annotations

import threading

import pytest
from django.db import connection

from forgefed import keys, services
from forgefed.models import Key
from forgefed.signing import multikey
from gateway.kernel.principal import GATEWAY
from gateway.models import AuditRow
from tests.forgefed.signing.keys import rsa_key

pytestmark = pytest.mark.django_db


def test_keys_are_made_once_and_kept_encrypted():
    first = services.own_keys()
    assert services.own_keys().main_pem == first.main_pem
    assert first.main.key_size >= 2048
    assert Key.objects.count() == 2
    for row in Key.objects.all():
        assert "PRIVATE" not in row.sealed
        assert row.sealed.startswith("gcm1:")
    assert "PRIVATE" not in repr(first)


def test_new_keys_take_the_place_of_the_old_and_that_is_recorded():
    first = services.own_keys()
    keys.rotate(services.service_actor(), GATEWAY)
    second = services.own_keys()
    assert second.main_pem != first.main_pem and second.multibase != first.multibase
    assert Key.objects.count() == 2
    assert AuditRow.objects.get().action == "federation.rotate-keys"


def test_the_operators_own_key_goes_before_ours(options):
    options(ACTIVITYPUB_PRIVATE_KEY_PEM=multikey.private_pem(rsa_key()))
    assert services.own_keys().main_pem == multikey.public_pem(rsa_key().public_key())
    assert [row.fragment for row in Key.objects.all()] == ["ed25519-key"]


def test_a_key_that_does_not_open_any_more_is_replaced(settings, caplog):
    first = services.own_keys()
    settings.DATA_ENCRYPTION_KEYS = (b"x" * 32,)
    second = services.own_keys()
    assert second.main_pem != first.main_pem
    assert services.own_keys().main_pem == second.main_pem
    assert "does not open" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_several_processes_make_one_pair():
    services.service_actor()
    seen: list[str] = []

    def work() -> None:
        seen.append(services.own_keys().main_pem)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 3 and len(set(seen)) == 1
