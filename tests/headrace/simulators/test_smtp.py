"""The mail server over the wire, with a client that is not ours."""

import asyncio
from email.message import EmailMessage
from typing import Any

import aiosmtplib
import pytest

from tests.headrace.simulators.harness import Running, Start

EFFECT = "0123456789abcdef" * 2
ID = f"<{EFFECT}@headrace>"


def thanks(message_id: str | None = ID, to: str = "a@x.example") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "shop@x.example", to, "Danke schön"
    if message_id is not None:
        message["Message-ID"] = message_id
    message.set_content("Grüße\nYours")
    message.add_alternative("<p>Grüße</p>", subtype="html")
    return message


async def send(running: Running, message: EmailMessage | None = None, **more: Any) -> Any:
    host, _, port = running.addresses.smtp.removeprefix("smtp://").partition(":")
    given: dict[str, Any] = {"hostname": host, "port": int(port), "start_tls": False, "timeout": 5, **more}
    return await aiosmtplib.send(message or thanks(), **given)


async def order(running: Running, method: str | None, times: int | None = 1, **reply: Any) -> None:
    match = "smtp" if method is None else {"vendor": "smtp", "method": method}
    await running.sim("POST", "/faults", [{"match": match, "reply": reply, "times": times}])


async def test_mail__taken__is_kept_decoded_and_counted(running: Running) -> None:
    await running.sim("POST", "/clock", {"advance_to": "2027-05-01T10:00:00Z"})
    await send(running)
    (mail,) = (await running.sim("GET", "/mails"))["mails"]
    assert (mail["message_id"], mail["from"], mail["to"]) == (ID, "shop@x.example", ["a@x.example"])
    assert (mail["subject"], mail["text"], mail["html"]) == ("Danke schön", "Grüße\nYours\n", "<p>Grüße</p>\n")
    assert mail["at"].startswith("2027-05-01T10:00:")
    (row,) = (await running.sim("GET", "/truth"))["effects"]
    assert (row["sink"], row["id"], row["to"], row["count"]) == ("smtp", EFFECT, "a@x.example", 1)
    assert (await running.sim("GET", "/calls"))["effects"]["smtp"] == {"asked": 1, "count": 1, "dropped": 0, "most": 1}


async def test_mail__sent_twice__is_delivered_twice(running: Running) -> None:
    for _ in range(2):
        await send(running)
    assert (await running.sim("GET", "/mails"))["counts"] == {ID: 2}
    assert (await running.sim("GET", "/truth"))["effects"][0]["count"] == 2


async def test_mails__asked_for_by_effect_or_address(running: Running) -> None:
    await send(running)
    await send(running, thanks("<other@x.example>", "b@x.example"))
    by_effect = (await running.sim("GET", f"/mails?id={EFFECT}"))["mails"]
    by_address = (await running.sim("GET", "/mails?to=b@x.example"))["mails"]
    newest = (await running.sim("GET", "/mails?limit=1"))["mails"]
    assert [mail["message_id"] for mail in (*by_effect, *by_address, *newest)] == [ID, *["<other@x.example>"] * 2]


async def test_mail__without_a_message_id__gets_one(running: Running) -> None:
    for _ in range(2):
        await send(running, thanks(None))
    assert len((await running.sim("GET", "/mails"))["counts"]) == 2
    assert all(row["asked"] == row["count"] == 1 for row in (await running.sim("GET", "/truth"))["effects"])


@pytest.mark.parametrize("subject", ["=?utf-8?b?x?=", "=?klingon?q?x?=", "", "Gr\xfc\xdfe"])
async def test_mail__that_nobody_can_decode__is_taken_all_the_same(running: Running, subject: str) -> None:
    raw = f"Message-ID: {ID}\r\nSubject: {subject}\r\nContent-Type: text/plain; charset=klingon\r\n\r\nHello\r\n"
    host, _, port = running.addresses.smtp.removeprefix("smtp://").partition(":")
    async with aiosmtplib.SMTP(hostname=host, port=int(port), start_tls=False) as client:
        await client.sendmail("shop@x.example", ["a@x.example"], raw.encode("latin-1"))
    (mail,) = (await running.sim("GET", "/mails"))["mails"]
    assert (mail["message_id"], mail["text"].strip()) == (ID, "Hello")


@pytest.mark.parametrize(
    ("method", "status", "expected"),
    [
        (None, 421, aiosmtplib.SMTPConnectError),
        ("CONNECT", 554, aiosmtplib.SMTPConnectResponseError),
        ("MAIL", 421, aiosmtplib.SMTPSenderRefused),
        ("MAIL", 450, aiosmtplib.SMTPSenderRefused),
        ("RCPT", 450, aiosmtplib.SMTPRecipientsRefused),
        ("RCPT", 550, aiosmtplib.SMTPRecipientsRefused),
        ("DATA", 421, aiosmtplib.SMTPDataError),
        ("DATA", 451, aiosmtplib.SMTPDataError),
        ("DATA", 550, aiosmtplib.SMTPDataError),
    ],
)
async def test_mail__refused_at_a_stage__is_not_taken_and_goes_through_next_time(
    running: Running, method: str | None, status: int, expected: type[Exception]
) -> None:
    await order(running, method, status=status)
    with pytest.raises(expected, match=str(status)):
        await send(running)
    assert (await running.sim("GET", "/mails"))["mails"] == []
    await send(running)
    assert (await running.sim("GET", "/mails"))["counts"] == {ID: 1}


async def test_mail__421__hangs_up(running: Running) -> None:
    host, _, port = running.addresses.smtp.removeprefix("smtp://").partition(":")
    await order(running, "MAIL", status=421)
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"EHLO x\r\nMAIL FROM:<a@x.example>\r\n")
    async with asyncio.timeout(10):
        said = await reader.read()
    writer.close()
    assert b"\r\n421 4.3.2 " in said


async def test_mail__one_recipient_refused__the_others_get_it(running: Running) -> None:
    await running.sim("POST", "/faults", [{"match": {"vendor": "smtp", "path": "b@"}, "reply": {"status": 550}}])
    await send(running, thanks(to="a@x.example, b@x.example"))
    assert (await running.sim("GET", "/mails"))["mails"][0]["to"] == ["a@x.example"]


@pytest.mark.parametrize(("after", "taken"), [(True, 1), (False, 0)])
async def test_mail__line_cut_at_the_end_of_data__only_the_server_knows(
    running: Running, after: bool, taken: int
) -> None:
    await order(running, "DATA", drop=True, after=after)
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await send(running)
    assert len((await running.sim("GET", "/mails"))["mails"]) == taken


@pytest.mark.parametrize(("after", "taken"), [(True, 1), (False, 0)])
async def test_mail__no_answer_to_data__the_sender_gives_up(running: Running, after: bool, taken: int) -> None:
    await order(running, "DATA", pause="for ever", after=after)
    with pytest.raises(aiosmtplib.SMTPReadTimeoutError):
        await send(running, timeout=0.3)
    await running.sim("GET", "/held?wait_s=1")
    assert len((await running.sim("GET", "/mails"))["mails"]) == taken


async def test_mail__taken_and_told_it_was_not__is_there_all_the_same(running: Running) -> None:
    await order(running, "DATA", status=451, after=True)
    with pytest.raises(aiosmtplib.SMTPDataError):
        await send(running)
    assert (await running.sim("GET", "/mails"))["counts"] == {ID: 1}


async def test_login__none_asked_for__any_will_do(running: Running) -> None:
    await send(running, username="u", password="p")
    await send(running)


async def test_login__asked_for__others_send_nothing(start: Start) -> None:
    async with start(smtp_user="shop", smtp_password="s3cret") as running:
        with pytest.raises(aiosmtplib.SMTPSenderRefused, match="530"):
            await send(running)
        with pytest.raises(aiosmtplib.SMTPAuthenticationError):
            await send(running, username="shop", password="wrong")
        await order(running, "AUTH", times=None, status=454)
        with pytest.raises(aiosmtplib.SMTPAuthenticationError, match="454"):
            await send(running, username="shop", password="s3cret")
        await running.sim("DELETE", "/faults")
        await send(running, username="shop", password="s3cret")
        assert (await running.sim("GET", "/mails"))["counts"] == {ID: 1}


async def test_server__stopped_with_a_sender_waiting__ends(start: Start) -> None:
    async with start() as running:
        await order(running, "DATA", pause="x")
        sending = asyncio.create_task(send(running))
        await running.sim("GET", "/held?count=1")
    with pytest.raises(aiosmtplib.SMTPException):
        await sending
