"""What a mail server's word, silence or end means: was it sent, was it not, or may it have been."""

import asyncio
import shutil
import ssl
import subprocess
import time
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from headrace.platforms.errors import (
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
    VendorError,
)
from headrace.platforms.mail import Sent, SmtpClient
from headrace.runtime.deadline import sending_until
from tests.headrace.platforms.mail.scripted import DROP, HANG, scripted

ANN = ("ann@x.example",)
MESSAGE = b"Subject: x\r\n\r\nHello\r\n.\r\n"


def client(port: int, deadline_s: float = 5.0, user: str = "") -> SmtpClient:
    return SmtpClient("127.0.0.1", port, security="none", user=user, password="canary", deadline_s=deadline_s)


async def test_send__taken__its_number_and_the_message_whole() -> None:
    async with scripted() as server:
        sent = await client(server.port).send("shop@shop.example", ANN, MESSAGE)
    assert sent == Sent("4XyZ123")
    assert server.messages == [b"Subject: x\r\n\r\nHello\r\n..\r\n.\r\n"]
    assert server.commands[0] == "EHLO shop.example"
    assert server.commands[-1] == "QUIT"


@pytest.mark.parametrize(
    ("says", "kind"),
    [
        ({"CONNECT": "421 4.3.2 busy"}, RateLimited),
        ({"CONNECT": "554 5.7.1 not from you"}, Unauthorized),
        ({"CONNECT": DROP}, Unavailable),
        ({"CONNECT": HANG}, Unavailable),
        ({"EHLO": HANG}, Unavailable),
        ({"EHLO": DROP}, Unavailable),
        ({"AUTH": "535 5.7.8 no"}, Unauthorized),
        ({"AUTH": "454 4.7.0 later"}, RateLimited),
        ({"AUTH": DROP}, Unavailable),
        ({"EHLO": "250 mail.example"}, Unauthorized),
        ({"MAIL": "530 5.7.0 log in"}, Unauthorized),
        ({"MAIL": "550 5.1.8 not this sender"}, Unauthorized),
        ({"MAIL": "552 5.3.4 too large"}, Rejected),
        ({"MAIL": "451 4.3.0 later"}, RateLimited),
        ({"MAIL": HANG}, Unavailable),
        ({"RCPT": "550 5.1.1 <ann@x.example> unknown"}, Rejected),
        ({"RCPT": "450 4.2.0 greylisted"}, RateLimited),
        ({"RCPT": "421 4.7.0 bye"}, RateLimited),
        ({"RCPT": DROP}, Unavailable),
        ({"DATA": "451 4.3.0 later"}, RateLimited),
        ({"DATA": "554 5.5.1 no recipients"}, Rejected),
        ({"DATA": DROP}, OutcomeUnknown),
        ({"DATA": HANG}, OutcomeUnknown),
        ({"MESSAGE": "451 4.3.0 later"}, RateLimited),
        ({"MESSAGE": "550 5.7.1 spam from ann@x.example"}, Rejected),
        ({"MESSAGE": "354 what"}, OutcomeUnknown),
        ({"MESSAGE": DROP}, OutcomeUnknown),
        ({"MESSAGE": HANG}, OutcomeUnknown),
    ],
)
async def test_send__odd_word__what_it_means(says: dict[str, str], kind: type[VendorError]) -> None:
    async with scripted(says) as server:
        with pytest.raises(VendorError) as caught:
            await client(server.port, 0.7, user="shop").send("shop@shop.example", ANN, MESSAGE)
    assert type(caught.value) is kind
    assert "ann" not in str(caught.value)
    assert "canary" not in str(caught.value)
    assert len(server.messages) == ("MESSAGE" in says)


@pytest.mark.parametrize("goodbye", [HANG, DROP, "500 what"])
async def test_send__taken_and_then_nonsense__taken(goodbye: str) -> None:
    async with scripted({"QUIT": goodbye}) as server:
        assert (await client(server.port, 2.0).send("shop@shop.example", ANN, MESSAGE)).receipt == "4XyZ123"


async def test_send__nobody_there__nothing_was_sent() -> None:
    async with scripted() as server:
        pass
    with pytest.raises(Unavailable):
        await client(server.port).send("shop@shop.example", ANN, MESSAGE)


async def test_send__one_of_two_is_refused__sent_to_the_other() -> None:
    async with scripted({"RCPT b@x.example": "550 5.1.1 no"}) as server:
        sent = await client(server.port).send("shop@shop.example", (*ANN, "b@x.example"), MESSAGE)
    assert sent.refused == 1


async def test_send__all_are_refused_one_for_now__later() -> None:
    async with scripted({"RCPT": "550 5.1.1 no", "RCPT b@x.example": "450 4.2.0 later"}) as server:
        with pytest.raises(RateLimited):
            await client(server.port).send("shop@shop.example", (*ANN, "b@x.example"), MESSAGE)


async def test_send__no_time_is_left__nothing_goes_out() -> None:
    async with scripted() as server:
        with sending_until(time.monotonic() - 1), pytest.raises(Unavailable):
            await client(server.port).send("shop@shop.example", ANN, MESSAGE)
    assert server.messages == []


class Inbox:
    """What the library's own server took."""

    def __init__(self) -> None:
        self.seen: list[tuple[bool, bytes]] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.seen.append((bool(session.authenticated), envelope.content))
        return "250 2.0.0 taken"


def _check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: LoginPassword) -> AuthResult:
    return AuthResult(success=given.password == b"canary", handled=False)


@pytest.mark.parametrize("password", ["canary", "wrong"])
async def test_send__starttls_and_login__as_the_library_serves_them(tmp_path: Path, password: str) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here")
    made, key = tmp_path / "made.pem", tmp_path / "key.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    command = ["openssl", *words.split(), "-keyout", str(key), "-out", str(made)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: ASYNC221 - a test waits
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made, key)
    inbox = Inbox()

    def serve() -> SMTP:
        return SMTP(
            inbox,
            tls_context=context,
            require_starttls=True,
            authenticator=_check,
            auth_required=True,
            hostname="mail.example",
            loop=asyncio.get_running_loop(),
        )

    server = await asyncio.get_running_loop().create_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        trust = ssl.create_default_context(cafile=made)
        mail = SmtpClient("localhost", port, user="shop", password=password, trust=trust, deadline_s=5.0)
        if password == "canary":
            await mail.send("shop@shop.example", ANN, MESSAGE)
            strangers = SmtpClient("localhost", port, user="shop", password=password, deadline_s=5.0)
            with pytest.raises(Unavailable):  # a certificate that nobody vouches for
                await strangers.send("shop@shop.example", ANN, MESSAGE)
        else:
            with pytest.raises(Unauthorized):
                await mail.send("shop@shop.example", ANN, MESSAGE)
    finally:
        server.close()
    assert [authenticated for authenticated, _ in inbox.seen] == ([True] if password == "canary" else [])
