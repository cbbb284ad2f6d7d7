"""Nobody reaches our own network by a URL that a rule names (F34)."""

import asyncio
import shutil
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest

from headrace.platforms.public_addresses import EVERYWHERE, Allowed, is_public, read_allowed
from headrace.platforms.safe_http import (
    REPLY_LIMIT_BYTES,
    NoAnswer,
    NotAllowed,
    NotReached,
    SafeClient,
)

NOBODY = Allowed()
LOCAL = read_allowed("127.0.0.0/8")
PUBLIC = "93.184.215.14"

_TEXT = (
    "0.0.0.0 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 168.63.129.16 169.254.169.254 172.16.0.1 "
    "172.31.255.255 192.0.0.192 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 "
    "239.255.255.255 240.0.0.1 255.255.255.255 "
    ":: ::1 ::127.0.0.1 ::93.184.215.14 ::ffff:127.0.0.1 ::ffff:93.184.215.14 64:ff9b::7f00:1 64:ff9b:1::1 100::1 "
    "fe80::1 fe80::1%eth0 fec0::1 fc00::1 fd00:ec2::254 ff02::1 2001::1 2001:db8::1 2002:7f00:1:: 3fff::1 "
    "2606:2800::5efe:7f00:1 2606:2800::200:5efe:7f00:1 4000::1"
)
NOT_PUBLIC = _TEXT.split()


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_is_public__of_our_own_or_nobodys__no(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", [PUBLIC, "1.1.1.1", "172.32.0.1", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_is_public__of_the_internet__yes(address: str) -> None:
    assert is_public(ip_address(address))


def answering(*rounds: Sequence[str]) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    """A resolver that says something else each time it is asked; the last for ever."""
    left = list(rounds)

    async def resolve(host: str, port: int) -> Sequence[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


async def _post(url: str, client: SafeClient) -> int:
    try:
        return (await client.post(url, b"{}", {})).status
    finally:
        await client.aclose()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "//example.com/",
        "example.com",
        "http://",
        "http:///x",
        "http://user@example.com/",
        "http://user:word@example.com/",
        "http://example.com@127.0.0.1/",
        "http://@example.com/",
        "http://:@example.com/",
        "http://exa mple.com/",
        "http://example.com\\@127.0.0.1/",
        "http://example.com/\r\nHost: x",
        "http://example.com:99999/",
        "http://[::1/",
        "http://" + "a" * 3000,
    ],
)
async def test_post__no_url_of_the_web__not_allowed(url: str) -> None:
    with pytest.raises(NotAllowed):
        await _post(url, SafeClient(NOBODY, resolve=answering([PUBLIC])))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://localhost./",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://0/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/",
        "http://127。0。0。1/",
        "http://①②⑦.0.0.1/",
    ],
)
async def test_post__an_address_of_ours_as_the_system_reads_it__nothing_connects(url: str) -> None:
    with pytest.raises((NotAllowed, NotReached)):
        await _post(url, SafeClient(NOBODY, deadline_s=2.0))


@pytest.mark.parametrize("address", NOT_PUBLIC)
async def test_post__a_name_that_leads_there__not_allowed(address: str) -> None:
    with pytest.raises(NotAllowed):
        await _post("http://innocent.example/", SafeClient(NOBODY, resolve=answering([address])))


async def test_post__one_address_of_several_is_ours__none_is_called() -> None:
    with pytest.raises(NotAllowed):
        await _post("http://innocent.example/", SafeClient(NOBODY, resolve=answering([PUBLIC, "127.0.0.1"])))


@pytest.mark.parametrize("port", [1, 22, 25, 81, 111, 445, 1023])
async def test_post__a_port_not_of_the_web__not_allowed(port: int) -> None:
    with pytest.raises(NotAllowed, match="port"):
        await _post(f"http://innocent.example:{port}/", SafeClient(NOBODY, resolve=answering([PUBLIC])))


@asynccontextmanager
async def serving(
    reply: bytes, *, hang: bool = False, host: str = "127.0.0.1"
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A receiver that says the same to all: its port, and what it was told."""
    told: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            told.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(reply)
            await writer.drain()
            if hang:
                await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host, 0)
    try:
        yield server.sockets[0].getsockname()[1], told
    finally:
        server.close()


async def test_post__rebinding__the_address_that_was_checked_is_the_one_called() -> None:
    """The second answer would lead elsewhere, and nobody asks a second time."""
    async with serving(b"HTTP/1.1 204 No Content\r\n\r\n") as (port, told):
        client = SafeClient(LOCAL, resolve=answering(["127.0.0.1"], ["127.0.0.66"]))
        assert await _post(f"http://flips.example:{port}/x?y=1#z", client) == 204
    assert told[0].startswith(b"POST /x?y=1 HTTP/1.1\r\n")
    assert f"\r\nhost: flips.example:{port}\r\n".encode() in told[0].lower()


async def test_post__rebinding_to_ours__refused_though_it_was_good_before() -> None:
    async with serving(b"HTTP/1.1 204 No Content\r\n\r\n") as (port, _):
        client = SafeClient(read_allowed("127.0.0.1"), resolve=answering(["127.0.0.1"], ["127.0.0.2"]))
        assert (await client.post(f"http://flips.example:{port}/", b"", {})).status == 204
        with pytest.raises(NotAllowed):
            await client.post(f"http://flips.example:{port}/", b"", {})
        await client.aclose()


async def test_post__ipv6__in_brackets_as_it_must_be() -> None:
    async with serving(b"HTTP/1.1 204 No Content\r\n\r\n", host="::1") as (port, told):
        assert await _post(f"http://[::1]:{port}/", SafeClient(read_allowed("::1"))) == 204
        client = SafeClient(read_allowed("::1"), resolve=answering(["::1"]))
        assert await _post(f"http://six.example:{port}/", client) == 204
    assert [
        f"host: {host}:{port}".encode() in each.lower()
        for host, each in zip(("[::1]", "six.example"), told, strict=True)
    ] == [True, True]


async def test_post__redirect__not_followed() -> None:
    async with serving(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n") as (
        port,
        told,
    ):
        assert await _post(f"http://127.0.0.1:{port}/", SafeClient(LOCAL)) == 302
    assert len(told) == 1


async def test_post__endless_reply__cut_off() -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + b"x" * 200_000
    async with serving(reply, hang=True) as (port, _):
        client = SafeClient(LOCAL, deadline_s=5.0)
        answer = await client.post(f"http://127.0.0.1:{port}/", b"", {})
        await client.aclose()
    assert (answer.status, len(answer.body)) == (200, REPLY_LIMIT_BYTES)


async def test_post__status_and_then_silence__the_status() -> None:
    async with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx", hang=True) as (port, _):
        assert await _post(f"http://127.0.0.1:{port}/", SafeClient(LOCAL, deadline_s=0.3)) == 200


async def test_post__status_and_a_body_that_never_ends__not_waited_for_long() -> None:
    async with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx", hang=True) as (port, _):
        began = time.monotonic()
        assert await _post(f"http://127.0.0.1:{port}/", SafeClient(LOCAL, deadline_s=60.0)) == 200
        assert time.monotonic() - began < 30


async def test_post__never_a_word__no_answer() -> None:
    async with serving(b"", hang=True) as (port, _):
        with pytest.raises(NoAnswer):
            await _post(f"http://127.0.0.1:{port}/", SafeClient(LOCAL, deadline_s=0.3))


async def test_post__hangs_up__no_answer() -> None:
    async with serving(b"") as (port, _):
        with pytest.raises(NoAnswer):
            await _post(f"http://127.0.0.1:{port}/", SafeClient(LOCAL))


async def test_post__nobody_there__not_reached() -> None:
    async with serving(b"") as (port, _):
        pass
    with pytest.raises(NotReached):
        await _post(f"http://127.0.0.1:{port}/", SafeClient(LOCAL))


async def test_post__a_resolver_that_hangs__not_reached() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return [PUBLIC]

    with pytest.raises(NotReached):
        await _post("http://slow.example/", SafeClient(NOBODY, resolve=resolve, deadline_s=0.1))


@pytest.mark.parametrize(
    ("words", "host", "address", "good"),
    [
        ("erp.example.com", "erp.example.com", PUBLIC, True),
        ("erp.example.com", "ERP.Example.com.", PUBLIC, True),
        ("erp.example.com", "erp.example.com", "10.1.2.3", False),
        ("erp.example.com", "other.example.com", PUBLIC, False),
        ("erp.example.com, 10.1.0.0/16", "erp.example.com", "10.1.2.3", True),
        ("*.example.com", "a.b.example.com", PUBLIC, True),
        ("*.example.com", "example.com", PUBLIC, False),
        ("*.example.com", "badexample.com", PUBLIC, False),
        ("10.1.0.0/16", "any.example.com", PUBLIC, False),
        ("10.1.0.0/16", "any.example.com", "10.1.2.3", True),
        ("10.1.0.0/16", "any.example.com", "10.2.2.3", False),
        ("* 10.1.0.0/16", "any.example.com", PUBLIC, True),
        ("*", "any.example.com", "10.1.2.3", False),
    ],
)
async def test_allowed__table(words: str, host: str, address: str, good: bool) -> None:
    client = SafeClient(read_allowed(words), resolve=answering([address]))
    target = client.check(f"http://{host}/")
    if good:
        assert await client._addresses(target) == [ip_address(address)]
    else:
        with pytest.raises(NotAllowed):
            await client._addresses(target)
    await client.aclose()


@pytest.mark.parametrize("words", ["10.0.0.0/33", "http://x.example", "10.0.0.1/8"])
def test_read_allowed__neither_host_nor_network__names_it(words: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        read_allowed(words)


def test_everywhere__ours_too() -> None:
    assert EVERYWHERE.is_ours(ip_address("127.0.0.1"))
    assert EVERYWHERE.is_ours(ip_address("::1"))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for erp.example alone, in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here")
    folder = tmp_path_factory.mktemp("tls")
    made, key = folder / "made.pem", folder / "key.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=erp.example -addext subjectAltName=DNS:erp.example"
    subprocess.run(["openssl", *words.split(), "-keyout", str(key), "-out", str(made)], check=True, capture_output=True)
    made.write_bytes(made.read_bytes() + key.read_bytes())
    return made


@pytest.mark.parametrize(("host", "good"), [("erp.example", True), ("other.example", False)])
async def test_post__tls__the_certificate_must_be_the_names_not_the_addresses(
    certificate: Path, host: str, good: bool
) -> None:
    asked: list[str | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(certificate)
    ours.sni_callback = lambda _, name, __: asked.append(name)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=ours)
    port = server.sockets[0].getsockname()[1]
    trust = ssl.create_default_context(cafile=certificate)
    client = SafeClient(LOCAL, resolve=answering(["127.0.0.1"]), trust=trust)
    if good:
        assert await _post(f"https://{host}:{port}/", client) == 204
    else:
        with pytest.raises(NotReached):
            await _post(f"https://{host}:{port}/", client)
    server.close()
    assert asked == [host]
