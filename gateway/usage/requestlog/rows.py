"""Write what was gathered of finished calls, and read it again for an admin. Rows hold ciphertext alone."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.http import HttpRequest

from gateway.kernel import audit
from gateway.kernel.principal import Principal, PrincipalKind, of_request
from gateway.kernel.secrets import SecretUnreadable, box
from gateway.models import ExchangeRow, RequestLogRow
from gateway.usage.requestlog import texts
from gateway.usage.requestlog.taps import Entry

PERMISSION = "gateway.view_requestlogrow"


def write(kept: Iterable[tuple[str, Entry]], max_bytes: int) -> None:
    """Write the texts, redacted, cut and encrypted; what is there already stays."""
    sealed = box()
    rows = []
    for name, entry in kept:
        request, is_cut = texts.shown(entry.request, entry.request_size, max_bytes)
        answer, is_answer_cut = texts.shown(bytes(entry.answer), entry.answer_size, max_bytes)
        told = {"request": request, "answer": answer, "is_cut": is_cut or is_answer_cut}
        text = sealed.encrypt(json.dumps(told), _context(name))
        rows.append(RequestLogRow(id=uuid.UUID(name), encrypted_text=text))
    RequestLogRow.objects.bulk_create(rows, ignore_conflicts=True)


def has(row: ExchangeRow) -> bool:
    """Tell whether something was kept of a call."""
    return RequestLogRow.objects.filter(pk=row.pk).exists()


def read(row: ExchangeRow, *, principal: Principal) -> dict[str, Any] | None:
    """Return `request`, `answer` and `is_cut` of a call, and record who has read it; None: nothing was kept."""
    kept = RequestLogRow.objects.filter(pk=row.pk).first()
    if kept is None:
        return None
    try:
        found: dict[str, Any] = json.loads(box().decrypt(kept.encrypted_text, _context(str(row.pk))))
    except SecretUnreadable:
        return None
    with transaction.atomic():
        audit.record(principal, "log.read", f"token:{row.token_id}", None, {"request": str(row.pk)})
    return found


def may_read(request: HttpRequest) -> bool:
    """Tell whether who asks is an admin: by the admin key, or with the permission of that role."""
    by_login = of_request(request).kind in (PrincipalKind.STAFF, PrincipalKind.PERSON)
    return not by_login or request.user.has_perm(PERMISSION)


def _context(name: str) -> str:
    return f"request-log:{name}"
