"""A mail server that delivers nothing: it keeps each message it took, counts them by Message-ID, and fails as ordered.

Faults are those of the other ports; `method` is CONNECT, AUTH, MAIL, RCPT or DATA (the message itself), `path` the
address, or the Message-ID at DATA. `status` is the code it answers: with 421 it also hangs up. It has no TLS.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from typing import Any, Final

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from headrace.simulators.bigcommerce.dates import iso8601
from headrace.simulators.clock import StoreClock
from headrace.simulators.effects import Effects, effect_id
from headrace.simulators.faults import Fault, Faults
from headrace.simulators.held import Held, Hold

VENDOR: Final = "smtp"
_OK: Final = "250 2.0.0 Ok: queued as "
_HEADERS: Final = BytesHeaderParser().parsebytes
_DEFAULT_TEXTS: Final = {
    421: "4.3.2 Service shutting down and closing transmission channel",
    450: "4.2.0 Mailbox busy, try again later",
    451: "4.3.0 Local error in processing",
    452: "4.3.1 Insufficient system storage",
    535: "5.7.8 Authentication credentials invalid",
    550: "5.1.1 Mailbox unavailable",
    552: "5.3.4 Message too big",
    554: "5.7.1 Transaction failed",
}
logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # it would log every address


@dataclass(frozen=True, slots=True)
class Mail:
    """A message that was taken. `at`: the store's date."""

    message_id: str
    sender: str
    to: tuple[str, ...]
    subject: str
    at: datetime
    raw: bytes = field(repr=False)

    def shape(self) -> dict[str, Any]:
        """As in `GET /_sim/mails`: decoded; headers by small name, the last of a name; "" for a part it has not."""
        message = message_from_bytes(self.raw, policy=policy.default)
        assert isinstance(message, EmailMessage)
        return {
            "message_id": self.message_id,
            "from": self.sender,
            "to": list(self.to),
            "subject": self.subject,
            "at": iso8601(self.at),
            "headers": {name.lower(): str(value) for name, value in message.items()},
            "text": _part(message, "plain"),
            "html": _part(message, "html"),
            "attachments": [str(part.get_filename() or "") for part in message.iter_attachments()],
            "bytes": len(self.raw),
        }


@dataclass(slots=True)
class MailServer:
    """What the port serves. `login`: user and password that mail cannot be sent without; None: any will do, or none."""

    clock: StoreClock
    effects: Effects
    faults: Faults
    hold: Hold
    login: tuple[str, str] | None = None
    mails: list[Mail] = field(default_factory=list)
    """In the order they were taken; a message that came twice is there twice."""
    _named: int = 0

    def name(self, raw: bytes) -> str:
        """Its Message-ID; one of the server's own for a message that has none."""
        self._named += 1
        return str(_HEADERS(raw).get("Message-ID", "")).strip() or f"<{self._named}.unnamed@simulated>"

    def take(self, message_id: str, sender: str, to: tuple[str, ...], raw: bytes) -> Mail:
        """Keep a message; from now on it is delivered, whatever its sender comes to know of it."""
        subject = _decoded(str(_HEADERS(raw).get("Subject", "")))
        mail = Mail(message_id, sender, to, subject, self.clock.date().replace(microsecond=0), raw)
        self.mails.append(mail)
        key, everybody = effect_key(message_id), ", ".join(to)
        self.effects.take(VENDOR, key, mail.at, to=everybody, message_id=message_id, subject=subject)
        return mail

    def counts(self) -> dict[str, int]:
        """How often each message was taken, by Message-ID."""
        found: dict[str, int] = {}
        for mail in self.mails:
            found[mail.message_id] = found.get(mail.message_id, 0) + 1
        return found


def effect_key(message_id: str) -> str:
    """The effect a message is of; for other messages the Message-ID itself."""
    return effect_id(message_id) or message_id


class _Port(SMTP):
    """One connection. The library's protocol, but for its greeting and that 421 hangs up."""

    def __init__(self, server: MailServer) -> None:
        super().__init__(
            _Handler(server),
            hostname="mail.simulated",
            ident="ESMTP",
            enable_SMTPUTF8=True,
            auth_require_tls=False,
            authenticator=_authenticator(server),
            loop=asyncio.get_running_loop(),
        )
        self._server = server
        self._greeted = False

    async def push(self, status: Any) -> None:
        if not self._greeted:
            self._greeted = True
            peer = (self.session.peer or ("",))[0] if self.session is not None else ""
            status = await _faulty(self._server, self, "CONNECT", str(peer)) or status
        await super().push(status)
        text = status if isinstance(status, str) else bytes(status).decode("latin-1")
        if text.startswith("421") and self.transport is not None:
            self.transport.close()


class _Handler:
    """The library calls these by name."""

    def __init__(self, server: MailServer) -> None:
        self._server = server

    async def handle_MAIL(  # noqa: N802 - the library's name
        self, port: _Port, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refused = await _faulty(self._server, port, "MAIL", address)
        if refused is not None:
            return refused
        if self._server.login is not None and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(  # noqa: N802
        self, port: _Port, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refused = await _faulty(self._server, port, "RCPT", address)
        if refused is not None:
            return refused
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, port: _Port, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Before a fault that comes `after`, the message is taken: its sender may never hear of it."""
        server, raw = self._server, bytes(envelope.original_content or b"")
        message_id = server.name(raw)
        server.effects.ask(VENDOR, effect_key(message_id))
        fault = server.faults.take(VENDOR, "DATA", message_id)
        if fault is not None and not fault.after:
            refused = await _carry_out(
                server, port, fault, Held(fault.pause or "", VENDOR, "DATA", message_id, done=False)
            )
            if refused is not None:
                return refused
        server.take(message_id, envelope.mail_from or "", tuple(envelope.rcpt_tos), raw)
        if fault is not None and fault.after:
            told = await _carry_out(server, port, fault, Held(fault.pause or "", VENDOR, "DATA", message_id, done=True))
            if told is not None:
                return told
        return f"{_OK}{len(server.mails)}"

    async def handle_exception(self, error: Exception) -> str:
        """What a sender hears of a fault of ours; no word of the message."""
        return f"451 4.3.0 {type(error).__name__}"


@asynccontextmanager
async def serving_mail(server: MailServer, host: str, port: int) -> AsyncIterator[int]:
    """The port, open until the block ends; what is held or under way then is cut."""
    loop, open_ports = asyncio.get_running_loop(), set[_Port]()

    def connected() -> _Port:
        open_ports.difference_update([each for each in open_ports if each.transport is None])
        made = _Port(server)
        open_ports.add(made)
        return made

    listening = await loop.create_server(connected, host, port)
    try:
        yield int(listening.sockets[0].getsockname()[1])
    finally:
        listening.close()
        for each in open_ports:
            _cut(each)
        await listening.wait_closed()


async def _faulty(server: MailServer, port: _Port, method: str, path: str) -> str | None:
    """What is answered instead, after what the fault does; None: go on as if there were none."""
    fault = server.faults.take(VENDOR, method, path)
    if fault is None:
        return None
    return await _carry_out(server, port, fault, Held(fault.pause or "", VENDOR, method, path, done=False))


async def _carry_out(server: MailServer, port: _Port, fault: Fault, held: Held) -> str | None:
    if fault.delay_s:
        await asyncio.sleep(fault.delay_s)
    if fault.pause is not None:
        await server.hold.wait(held)
    if fault.drop:
        _cut(port)
        await asyncio.Event().wait()  # until the library cancels it: the connection is gone
    if fault.status is None:
        return None
    text = _DEFAULT_TEXTS.get(fault.status, "Ordered by a test") if fault.body is None else fault.body.decode()
    return f"{fault.status} {text}"


def _cut(port: _Port) -> None:
    if isinstance(port.transport, asyncio.Transport):
        port.transport.abort()


def _authenticator(server: MailServer) -> Any:
    def check(port: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
        fault = server.faults.take(VENDOR, "AUTH", mechanism)
        if fault is not None and fault.status is not None:
            text = _DEFAULT_TEXTS.get(fault.status, "Ordered by a test")
            return AuthResult(success=False, handled=False, message=f"{fault.status} {text}")
        known = isinstance(given, LoginPassword)
        said = (given.login.decode(), given.password.decode()) if known else None
        return AuthResult(success=known and server.login in {None, said}, handled=False)

    return check


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content()).replace("\r\n", "\n")
    except LookupError:  # a character set nobody knows
        return str(part.get_payload())


def _decoded(header: str) -> str:
    """As it stands, where it is no header that one can decode."""
    try:
        return str(make_header(decode_header(header)))
    except (HeaderParseError, LookupError, ValueError):
        return header
