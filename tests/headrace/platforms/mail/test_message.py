"""A message that any program reads, and that nothing but its parts is in."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.platforms.mail import Mail, address_of, message_bytes

AT = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
ID = "0123456789abcdef" * 2


def mail(**changed: object) -> Mail:
    values: dict[str, object] = {
        "id": ID,
        "at": AT,
        "from_": "shop@shop.example",
        "to": ("ann@x.example",),
        "subject": "Hello",
        "text": "Hi\n",
    }
    return Mail(**{**values, **changed})  # type: ignore[arg-type]


def read(raw: bytes) -> EmailMessage:
    found = message_from_bytes(raw, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_message_bytes__text_and_html__both_and_seven_bits() -> None:
    raw = message_bytes(mail(subject="Grüße 🎉 " * 10, text="Schön.\n.\n" + "x" * 2000, html="<p>Schön</p>"))
    message = read(raw)
    assert message.get_content_type() == "multipart/alternative"
    assert (message["Subject"], body(message, "html")) == (("Grüße 🎉 " * 10).strip(), "<p>Schön</p>\n")
    assert body(message, "plain") == "Schön.\n.\n" + "x" * 2000 + "\n"
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 100
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert not message.defects


def test_message_bytes__headers__as_told() -> None:
    message = read(message_bytes(mail(from_name='Shop, "the" best', reply_to="help@shop.example")))
    assert message["From"] == '"Shop, \\"the\\" best" <shop@shop.example>'
    assert (message["To"], message["Reply-To"]) == ("ann@x.example", "help@shop.example")
    assert message["Message-ID"] == f"<{ID}@shop.example>"
    assert message["Date"].datetime == AT
    assert "List-Unsubscribe" not in message


@pytest.mark.parametrize(
    ("url", "one_click", "posts"),
    [
        ("https://shop.example/u?" + "c=1&" * 60, True, True),
        ("https://shop.example/u", False, False),
        ("mailto:u@shop.example", True, False),
    ],
)
def test_message_bytes__unsubscribe__whole_on_one_line(url: str, one_click: bool, posts: bool) -> None:
    raw = message_bytes(mail(unsubscribe=url, one_click=one_click))
    assert f"List-Unsubscribe: <{url}>\r\n".encode() in raw
    assert (b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw) is posts
    assert read(raw)["Subject"] == "Hello"


EVIL = st.text(st.sampled_from('aü\r\n:;,<>@"\\ \t\x00\x85\u2028Bc.'), max_size=30)


@settings(max_examples=60)
@given(subject=EVIL, name=EVIL)
def test_message_bytes__whatever_a_subject_or_name_holds__no_header_more(subject: str, name: str) -> None:
    message = read(message_bytes(mail(subject=subject, from_name=name)))
    wanted = {"from", "to", "subject", "date", "message-id", "auto-submitted", "mime-version", "content-type"}
    assert {key.lower() for key in message} <= wanted | {"content-transfer-encoding"}
    assert body(message, "plain") == "Hi\n"
    assert message["From"].addresses[0].addr_spec == "shop@shop.example"


@pytest.mark.parametrize(
    "field",
    [{"to": ("ann@x.example\r\nBcc: b@x.example",)}, {"from_": "a@b, c@d"}, {"reply_to": "x"}, {"id": "a\r\nb"}],
)
def test_message_bytes__no_address__refused(field: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="is no"):
        message_bytes(mail(**field))


@pytest.mark.parametrize("url", ["https://x.example/\r\nBcc: a", "https://x.example/>, <b", "https://x y", "ü"])
def test_message_bytes__odd_unsubscribe__refused(url: str) -> None:
    with pytest.raises(ValueError, match="unsubscribing"):
        message_bytes(mail(unsubscribe=url))


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (" ann@x.example ", "ann@x.example"),
        ("o'neil+tag@mail.x.example", "o'neil+tag@mail.x.example"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
    ],
)
def test_address_of__an_address(written: str, found: str) -> None:
    assert address_of(written) == found


@pytest.mark.parametrize(
    "written",
    ["", "ann", "@x.example", "ann@", "a@b@c", "a b@x.example", "ann@x..example", ".a@x.example", "a..b@x.example",
     "ünn@x.example", "ann@x.example>", "<ann@x.example>", "a,b@x.example", "ann@-x.example", "a" * 65 + "@x.example",
     "ann@[127.0.0.1]", "ann@" + "x" * 64 + "ü.example", '"a b"@x.example', "a@x.example\x00"],
)  # fmt: skip
def test_address_of__none__refused_without_it(written: str) -> None:
    with pytest.raises(ValueError, match="^is no e-mail address that mail can be sent to$"):
        address_of(written)
