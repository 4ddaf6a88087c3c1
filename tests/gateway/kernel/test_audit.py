from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import transaction

from gateway.kernel import audit
from gateway.kernel.principal import COMMAND_LINE, GATEWAY, Principal, PrincipalKind
from gateway.models import AuditRow

KEY = Principal(PrincipalKind.ADMIN_KEY, "", "192.0.2.7", request_id="01-abc")
ANN = Principal(PrincipalKind.STAFF, "ann@example.org", "192.0.2.8", via="api")


def only_row() -> AuditRow:
    return AuditRow.objects.get()


@pytest.mark.django_db
def test_a_change_is_kept_with_who_and_only_what_differs() -> None:
    earliest = datetime.now(UTC)
    audit.record(
        ANN, "account.change", "account:a", {"weight": 1, "priority": 5}, {"weight": 2, "priority": 5}
    )
    row = only_row()
    assert (row.who_kind, row.who_name, row.via, row.peer) == (
        "person",
        "ann@example.org",
        "api",
        "192.0.2.8",
    )
    assert (row.action, row.subject) == ("account.change", "account:a")
    assert (row.before, row.after) == ({"weight": 1}, {"weight": 2})
    assert earliest <= row.at <= datetime.now(UTC)
    assert row.id.version == 7


@pytest.mark.django_db
def test_what_is_made_had_nothing_before_and_what_goes_has_nothing_after() -> None:
    audit.record(KEY, "group.create", "group:g", None, {"name": "g", "budget": None})
    audit.record(COMMAND_LINE, "group.remove", "group:g", {"name": "g", "budget": None}, None)
    audit.record(GATEWAY, "provider.clear", "provider:p", None, None)
    made, gone, cleared = AuditRow.objects.order_by("id")
    assert (made.before, made.after, made.who_kind, made.request_id) == (None, {"name": "g"}, "key", "01-abc")
    assert (gone.before, gone.after, gone.who_kind, gone.via) == ({"name": "g"}, None, "command", "command")
    assert gone.who_name
    assert (cleared.before, cleared.after, cleared.via, cleared.who_name) == (None, None, "system", "")


@pytest.mark.django_db
def test_where_nothing_differs_nothing_is_recorded() -> None:
    audit.record(KEY, "token.change", "token:1", {"label": "a", "gone": None}, {"label": "a"})
    assert not AuditRow.objects.exists()


SECRETS = ["secret", "api_key", "refresh_token", "access_token", "password", "encrypted_secret", "encrypted_key",
           "proxy", "encrypted_proxy", "totp_secret", "client_secret", "private_key", "Authorization", "x-api-key",
           "credential", "Cookie", "session-token", "api-key", "webhook_secret", "passphrase", "key"]  # fmt: skip
OPEN = ["input_tokens_per_minute", "output_tokens_per_minute", "max_tokens", "api_key_env", "label", "name",
        "request_caps", "group", "base_url", "budget", "needs_login", "key_id", "tokens"]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_never_kept_only_that_it_changed(name: str) -> None:
    audit.record(KEY, "x.change", "x:1", {name: "hunter2-old"}, {name: "hunter2-new"})
    audit.record(KEY, "x.change", "x:1", {name: ""}, {name: ["hunter2-new", {"a": "hunter2-new"}]})
    first, second = AuditRow.objects.order_by("id")
    assert (first.before, first.after) == ({name: "(secret)"}, {name: "(secret)"})
    assert (second.before, second.after) == ({name: None}, {name: "(secret)"})


@pytest.mark.parametrize("name", OPEN)
def test_ordinary_fields_are_no_secrets(name: str) -> None:
    assert not audit.is_secret_name(name)


@pytest.mark.django_db
def test_secrets_inside_are_found_by_name_and_by_look() -> None:
    after = {
        "headers": {"Authorization": "Bearer plain", "X-Team": "blue"},
        "note": "made with sk-ant-api03-abcdefghijklmnop",
        "list": [{"password": "short"}],
    }
    audit.record(KEY, "provider.change", "provider:p sk-ant-api03-abcdefghijklmnop", {"headers": {}}, after)
    row = only_row()
    assert row.after["headers"] == {"Authorization": "(secret)", "X-Team": "blue"}
    assert row.after["list"] == [{"password": "(secret)"}]
    assert "abcdefghijklmnop" not in row.after["note"] + row.subject


@pytest.mark.django_db
def test_values_are_kept_as_json_has_them() -> None:
    at = datetime(2026, 11, 29, 14, 36, tzinfo=UTC)
    after = {"at": at, "day": date(2026, 1, 2), "price": Decimal("5.2500"), "on": True, "share": float("inf")}
    audit.record(KEY, "price.create", "price:m", None, after)
    assert only_row().after == {
        "at": "2026-11-29T14:36:00Z", "day": "2026-01-02", "price": "5.25", "on": True, "share": "inf",
    }  # fmt: skip
    audit.record(KEY, "price.change", "price:m", {"price": Decimal("5")}, {"price": Decimal("5.00")})
    assert AuditRow.objects.count() == 1


@pytest.mark.django_db
def test_odd_and_endless_texts_fit_any_database() -> None:
    deep: dict[str, object] = {}
    deep["deep"] = deep
    audit.record(
        Principal(PrincipalKind.PERSON, "n" * 9_999, "a" * 999, request_id="r" * 999),
        "x.change", "s\0\ud800" + "u" * 9_999, {},
        {"t\0": "v\0\ud800" * 9_999, "deep": deep, "many": list(range(9_999))},
    )  # fmt: skip
    row = only_row()
    assert len(row.subject) == len(row.who_name) == 255
    assert len(row.peer) == len(row.request_id) == 64
    assert len(row.after["many"]) == 200
    assert "\0" not in row.subject


@pytest.mark.django_db
def test_what_is_rolled_back_was_never_recorded() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        audit.record(KEY, "x.change", "x:1", None, None)
        raise RuntimeError
    assert not AuditRow.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_nothing_is_recorded() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        audit.record(KEY, "x.change", "x:1", None, None)
    assert not AuditRow.objects.exists()
