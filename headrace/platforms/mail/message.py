"""A mail as bytes: text and HTML, in headers that nothing can be put into. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

_LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}")
_DOMAIN: Final = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f\x80-\x9f\u2028\u2029]+")
_PRINTABLE: Final = re.compile(r"[!-;=?-~]+")
_ADDRESS_LIMIT: Final = 254


@dataclass(frozen=True, slots=True)
class Mail:
    """`id`: of the effect: the Message-ID is made of it. `html` None: text alone. Addresses are plain ones.

    `unsubscribe`: an https or mailto URL; `one_click`: a POST to it does it, without asking.
    """

    id: str
    at: datetime
    from_: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str | None = None
    from_name: str = ""
    reply_to: str = ""
    unsubscribe: str = ""
    one_click: bool = False


def address_of(written: str) -> str:
    """An address as SMTP takes it: the domain in ASCII. Raises ValueError, without the address, for what is none."""
    local, _, domain = written.strip().rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii") if not domain.isascii() else domain
    except UnicodeError:
        domain = ""
    found = f"{local}@{domain}"
    dots = local.startswith(".") or local.endswith(".") or ".." in local
    if dots or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain) or len(found) > _ADDRESS_LIMIT:
        raise ValueError("is no e-mail address that mail can be sent to")
    return found


def message_bytes(mail: Mail) -> bytes:
    """The whole message, 7 bits wide, lines ended by CR LF. Raises ValueError for addresses that are none."""
    message = EmailMessage(policy=SMTP)
    sender = address_of(mail.from_)
    message["From"] = Address(display_name=_one_line(mail.from_name), addr_spec=sender)
    message["To"] = [Address(addr_spec=address_of(each)) for each in mail.to]
    if mail.reply_to:
        message["Reply-To"] = Address(addr_spec=address_of(mail.reply_to))
    message["Subject"] = _one_line(mail.subject)
    message["Date"] = mail.at
    message["Message-ID"] = message_id(mail.id, sender)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text, cte="quoted-printable")
    if mail.html is not None:
        message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
    return _unsubscribing(mail) + message.as_bytes()


def message_id(id: str, sender: str) -> str:
    """`<id@domain of the sender>`."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,128}", id):
        raise ValueError("is no id of a message")
    return f"<{id}@{sender.rpartition('@')[2]}>"


def _unsubscribing(mail: Mail) -> bytes:
    """By hand: the library breaks long words of a header into what few programs put together again."""
    if not mail.unsubscribe:
        return b""
    if not _PRINTABLE.fullmatch(mail.unsubscribe):
        raise ValueError("is no URL for unsubscribing")
    lines = [f"List-Unsubscribe: <{mail.unsubscribe}>"]
    if mail.one_click and mail.unsubscribe.startswith("https://"):
        lines.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def _one_line(text: str) -> str:
    return " ".join(_CONTROLS.sub(" ", text).split())
