"""The one adapter that speaks SMTP. What broke before the message went out was not sent; after that, who knows.

Errors are those of `headrace.platforms.errors`; of what a server says only its codes are passed on: the rest names
addresses.
"""

import asyncio
import re
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

import aiosmtplib
from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPConnectResponseError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from headrace.platforms.errors import (
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
    VendorError,
)
from headrace.runtime.deadline import time_to_send, write_sent
from headrace.runtime.metrics import counter

Security = Literal["starttls", "tls", "none"]
ROUTE: Final = "SMTP"
_ENHANCED: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")
_QUEUED: Final = re.compile(r"(?:queued as|queued mail for delivery id|\bid=?)\s*:?\s*<?([A-Za-z0-9._-]{4,64})\b", re.I)
_TOO_LARGE: Final = 552
_GOODBYE_S: Final = 0.5
_MARGIN_S: Final = 0.5
"""Before the caller's own time is up: here it is known what that means."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The server has taken it. `receipt`: its number there, if it told. `refused`: how many of several get none."""

    receipt: str
    refused: int = 0


class SmtpClient:
    """A connection for each mail. `deadline_s`: of all of it, from connecting to the server's last word."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        security: Security = "starttls",
        user: str = "",
        password: str = "",
        deadline_s: float = 20.0,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._security: Security = security
        self._login = (user, password)
        self._trust = trust
        self.deadline_s = deadline_s

    async def send(self, sender: str, to: Sequence[str], message: bytes) -> Sent:
        """One message. Raises Unavailable, RateLimited (nothing was sent), Rejected, Unauthorized, OutcomeUnknown."""
        stage = _Stage()
        status = "none"
        try:
            async with asyncio.timeout(min(self.deadline_s, max(0.0, time_to_send() - _MARGIN_S))):
                sent = await self._talk(sender, to, message, stage)
                status = "250"
                return sent
        except VendorError:
            raise
        except SMTPResponseException as error:
            status = str(error.code)
            raise _refusal(error, stage) from None
        except (TimeoutError, OSError, ValueError) as error:
            raise _broken(error, stage) from None
        except SMTPException as error:
            if stage.message_is_out:
                raise _broken(error, stage) from None
            raise Unauthorized(ROUTE, f"{stage.name}: the server does not offer what the settings ask for") from None
        finally:
            counter("headrace_vendor_calls_total", vendor="smtp", route=ROUTE, status=status).inc()

    async def _talk(self, sender: str, to: Sequence[str], message: bytes, stage: "_Stage") -> Sent:
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            use_tls=self._security == "tls",
            start_tls=self._security == "starttls",
            tls_context=self._trust,
            local_hostname=sender.rpartition("@")[2],
            timeout=self.deadline_s,
        )
        try:
            await client.connect()
            if self._login[0]:
                stage.name = "AUTH"
                await client.login(*self._login)
            stage.name = "MAIL"
            await client.mail(sender)
            stage.name = "RCPT"
            refused = await _recipients(client, to)
            stage.name = "DATA"
            write_sent()
            stage.message_is_out = True
            response = await client.data(message)
            with suppress(SMTPException, OSError, TimeoutError):
                await client.quit(timeout=_GOODBYE_S)
            return Sent(_receipt(response.message), refused)
        finally:
            client.close()


class _Stage:
    """How far the talk came. From DATA on the message may be out: it goes with the same command."""

    def __init__(self) -> None:
        self.name = "CONNECT"
        self.message_is_out = False


async def _recipients(client: aiosmtplib.SMTP, to: Sequence[str]) -> int:
    """How many were refused; raises the refusal that is worth most when all were."""
    refusals: list[SMTPRecipientRefused] = []
    for each in to:
        try:
            await client.rcpt(each)
        except SMTPRecipientRefused as error:
            refusals.append(error)
    if len(refusals) == len(to):
        raise min(refusals, key=lambda error: error.code)
    return len(refusals)


def _broken(error: Exception, stage: _Stage) -> VendorError:
    kind = OutcomeUnknown if stage.message_is_out else Unavailable
    lingers = isinstance(error, TimeoutError)
    return kind(ROUTE, f"{stage.name}: {'no answer in time' if lingers else type(error).__name__}", lingers=lingers)


def _refusal(error: SMTPResponseException, stage: _Stage) -> VendorError:
    enhanced = _ENHANCED.search(error.message or "")
    told = f"{stage.name} refused" + (f" ({enhanced[0]})" if enhanced else "")
    if error.code < 400 or error.code > 599:
        kind = OutcomeUnknown if stage.message_is_out else Unavailable
        return kind(ROUTE, f"{stage.name}: {error.code} makes no sense")
    if error.code < 500:
        return RateLimited(ROUTE, f"{error.code} {told}")
    of_us = isinstance(error, SMTPAuthenticationError | SMTPConnectResponseError | SMTPSenderRefused)
    if error.code in (530, 534, 535, 538) or (of_us and error.code != _TOO_LARGE) or stage.name == "CONNECT":
        return Unauthorized(ROUTE, f"{error.code} {told}")
    return Rejected(ROUTE, error.code, told)


def _receipt(message: str) -> str:
    found = _QUEUED.search(message)
    return found[1] if found else ""
