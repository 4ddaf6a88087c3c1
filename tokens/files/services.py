"""Join database and the reference's files: import once what the Rust router left, keep its files current.

`STORAGE_POLICY` says which files: `text`, `binary`, `both`, or none under `memory`.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, transaction

from gateway.kernel import audit
from gateway.kernel.audit import Change
from gateway.kernel.principal import GATEWAY, Principal
from tokens import auditing
from tokens.files import lino, mirror
from tokens.files.types import Problem, StoredToken
from tokens.models import Token
from tokens.revisions import counted

logger = logging.getLogger(__name__)

BATCH = 500
MAX_NAME_LENGTH = 255


@dataclass(slots=True)
class ImportReport:
    """Report of an import. `problems` are records that were left out or not believed."""

    added: int = 0
    revoked: int = 0
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ExportReport:
    """Report of an export. `left_out`: ids that only `tokens.bin` can hold."""

    written: int
    left_out: list[str]


@contextmanager
def changing() -> Iterator[int]:
    """Open `counted` for changes that the files show: they are written after the commit."""
    with counted() as revision:
        transaction.on_commit(sync_quietly)
        yield revision


def sync_files(*, principal: Principal) -> ImportReport:
    """Import files that somebody else wrote, then write ours. Safe to repeat; raises OSError.

    Done at start, by every `tokens` command, and after each change. `principal`: who adopts what is found.
    """
    options = settings.GATEWAY
    directory, policy = options.DATA_DIR, options.STORAGE_POLICY
    if not mirror.FILES_OF_POLICY[policy]:
        return ImportReport()
    with mirror.locked(directory):
        report = _import_foreign(directory, principal)
        mirror.write(directory, policy, _stored())
    return report


def sync_quietly() -> None:
    """Sync the files at start or after a change, which stands whether or not they can be written.

    Whoever made the change, files that somebody has put there are adopted by the gateway.
    """
    try:
        sync_files(principal=GATEWAY)
    except (OSError, DatabaseError) as problem:
        logger.error("Can't write the token files: %s", problem)


def import_directory(directory: Path, *, principal: Principal) -> ImportReport:
    """Import the token files of another directory, which stays as it is. Raises OSError."""
    if not directory.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(directory))
    found = mirror.read(directory)
    report = import_records(found.tokens, principal=principal)
    report.problems += found.problems
    return report


def export_directory(directory: Path) -> ExportReport:
    """Write every token into the files of another directory, whatever the policy. Raises OSError.

    Files that are there stay: they may be the only ones that know of a revocation.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with mirror.locked(directory):
        tokens = _stored()
        mirror.export(directory, tokens)
    left_out = [token.id for token in tokens if not lino.can_hold(token.id)]
    return ExportReport(len(tokens), left_out)


def import_records(tokens: Iterable[StoredToken], *, principal: Principal) -> ImportReport:
    """Add unknown ids, and revoke known ones that are revoked there. Nothing is ever un-revoked."""
    report = ImportReport()
    usable = {token.id: token for token in tokens if _is_usable(token, report)}
    with counted() as revision:
        moment = int(time.time())
        known = set(Token.objects.filter(revoked_at=None).values_list("id", flat=True))
        newly_revoked = [token.id for token in usable.values() if token.revoked and token.id in known]
        for start in range(0, len(newly_revoked), BATCH):
            report.revoked += Token.objects.filter(pk__in=newly_revoked[start : start + BATCH]).update(
                revoked_at=moment, revision=revision
            )
        known |= set(Token.objects.exclude(revoked_at=None).values_list("id", flat=True))
        rows = [_row(token, moment, revision) for token in usable.values() if token.id not in known]
        report.added = len(Token.objects.bulk_create(rows, batch_size=BATCH))
        audit.record_all(principal, [*_revocations(newly_revoked), *_issues(rows)])
    return report


def _revocations(token_ids: Iterable[str]) -> Iterator[Change]:
    for token_id in token_ids:
        yield Change("token.revoke", f"token:{token_id}", {"revoked": False}, {"revoked": True})


def _issues(rows: Iterable[Token]) -> Iterator[Change]:
    for row in rows:
        yield Change("token.issue", f"token:{row.id}", None, auditing.of_token(row))


def _import_foreign(directory: Path, principal: Principal) -> ImportReport:
    found = mirror.read_foreign(directory)
    if found is None:
        return ImportReport()
    report = import_records(found.tokens, principal=principal)
    report.problems += found.problems
    logger.info("Token files imported: %d added, %d revoked", report.added, report.revoked)
    for problem in report.problems:
        logger.warning("Token file damaged: %s: %s", problem.place, problem.reason)
    return report


def _is_usable(token: StoredToken, report: ImportReport) -> bool:
    if token.id and len(token.id) <= MAX_NAME_LENGTH and "\0" not in token.id:
        return True
    report.problems.append(
        Problem("id", "empty, too long or with NUL; the record is left out", token.id[:40])
    )
    return False


def _row(token: StoredToken, moment: int, revision: int) -> Token:
    return Token(
        id=token.id,
        label=token.label.replace("\0", "\ufffd"),
        issued_at=token.issued_at,
        expires_at=token.expires_at,
        signed_until=token.expires_at,
        revoked_at=moment if token.revoked else None,
        account=None if token.account is None else token.account.replace("\0", "\ufffd")[:MAX_NAME_LENGTH],
        max_requests=token.max_requests,
        ledger_id=token.id,
        revision=revision,
    )


def _stored() -> list[StoredToken]:
    """Return every row as the files hold it.

    The Rust router looks only at the signed end, so a life cut short must look revoked to it: refused a
    little early after a way back, rather than accepted too long. Sign-ins are nothing that it knows.
    """
    rows = Token.objects.filter(sign_in=None).values_list(
        "id", "label", "issued_at", "expires_at", "account", "revoked_at", "signed_until"
    )
    return [
        StoredToken(
            token_id,
            label,
            issued_at,
            expires_at,
            revoked_at is not None or expires_at < signed_until,
            account,
        )
        for token_id, label, issued_at, expires_at, account, revoked_at, signed_until in rows.iterator()
    ]
