"""A real mail server on a free port, which keeps what it is given; with a name and password where asked."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, Session

from tests.ports import free_port


class MailServer:
    """`with MailServer() as server: … server.mails`. `refusal`: what it answers to every mail."""

    def __init__(self, login: tuple[str, str] | None = None, refusal: str = "") -> None:
        self.mails: list[EmailMessage] = []
        self.refusal = refusal
        self._login = login
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=free_port(),
            auth_required=False,
            auth_require_tls=False,
            authenticator=self._authenticate if login else None,
        )

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self._controller.port}"

    def url_as(self, name: str, password: str) -> str:
        return f"smtp://{name}:{password}@127.0.0.1:{self._controller.port}"

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        if self.refusal:
            return self.refusal
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 taken"

    def _authenticate(
        self, server: Any, session: Session, envelope: Envelope, kind: str, data: Any
    ) -> AuthResult:
        given = data.login.decode(), data.password.decode()
        return AuthResult(success=given == self._login)
