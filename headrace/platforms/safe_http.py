"""A client for URLs that a rule names: it calls public addresses only, and exactly the address that was checked.

A host is looked up once; were one address of the answer not public, none is called. Redirects are not followed.
Three errors say what then: `NotAllowed` never, `NotReached` nothing was sent, `NoAnswer` it may have been taken.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from headrace.platforms.public_addresses import Address, Allowed, addresses_of, is_public
from headrace.runtime.deadline import write_sent
from headrace.runtime.metrics import counter

REPLY_LIMIT_BYTES: Final = 64 * 1024
URL_LIMIT: Final = 2048
_NAMES_A_USER: Final = re.compile(r"[^/?#]*//[^/?#]*@")
_USUAL_PORTS: Final = frozenset({80, 443})
_FIRST_FREE_PORT: Final = 1024
_ADDRESSES_TRIED: Final = 3
_BODY_S: Final = 2.0
"""How long a body is waited for once the status is there."""
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, as text."""


class NotAllowed(Exception):
    """The URL is not to be called, now or later; the message says why, for people."""


class NotReached(Exception):
    """No connection came about: nothing was sent."""


class NoAnswer(Exception):
    """It was sent, at least in part, and no status came back."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `headers`: names in lower case. `body`: at most 64 KiB of it, as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be called, if its addresses may."""

    url: httpx.URL
    host: str
    port: int


class SafeClient:
    """`deadline_s`: of one call, looking the host up included. `name`: what metrics call it.

    `trust` is for tests: whose certificates are good.
    """

    def __init__(
        self,
        allowed: Allowed,
        *,
        name: str = "webhook",
        deadline_s: float = 10.0,
        resolve: Resolve | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self.deadline_s = deadline_s
        self._name = name
        self._allowed = allowed
        self._resolve = resolve or look_up
        # A connection is never used again: it was checked for one host, and another may be at the same address.
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(deadline_s, connect=max(1.0, deadline_s / 2)),
            limits=httpx.Limits(max_keepalive_connections=0),
            follow_redirects=False,
            trust_env=False,
            verify=trust or True,
        )

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Raises NotAllowed, NotReached, NoAnswer."""
        sent = _Progress()
        try:
            async with asyncio.timeout(self.deadline_s):
                target = self.check(url)
                addresses = await self._addresses(target)
                return await self._post(target, addresses, body, headers, sent)
        except TimeoutError:
            if sent.answer is not None:
                return sent.answer
            raise (NoAnswer if sent.began else NotReached)("no answer in time") from None
        finally:
            status = str(sent.answer.status) if sent.answer is not None else "none"
            counter("headrace_vendor_calls_total", vendor=self._name, route="POST", status=status).inc()

    def check(self, url: str) -> Target:
        """What can be told of a URL without looking its host up. Raises NotAllowed."""
        if len(url) > URL_LIMIT or any(ord(each) <= 32 or ord(each) == 127 or each == "\\" for each in url):
            raise NotAllowed("the URL is too long, or has blanks or backslashes in it")
        try:
            parts = httpx.URL(url)
            port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
        except (httpx.InvalidURL, ValueError, UnicodeError):
            raise NotAllowed("it is no URL") from None
        if parts.scheme not in ("http", "https"):
            raise NotAllowed("only http and https are called")
        if parts.userinfo or _NAMES_A_USER.match(url):
            raise NotAllowed("the URL names a user or a password")
        if not parts.raw_host or not 0 < port < 65536:
            raise NotAllowed("the URL has no host, or no port that there is")
        return Target(parts, parts.raw_host.decode("ascii"), port)

    async def aclose(self) -> None:
        """Closes what is open."""
        await self._http.aclose()

    async def _addresses(self, target: Target) -> list[Address]:
        try:
            found = addresses_of(await self._resolve(target.host, target.port))
        except (OSError, UnicodeError) as error:
            raise NotReached("the host is not found") from error
        except ValueError as error:
            raise NotAllowed("the host's address is none of the internet") from error
        if not found:
            raise NotReached("the host is not found")
        if all(self._allowed.is_ours(address) for address in found):
            return found
        if not self._allowed.name_is_allowed(target.host):
            raise NotAllowed("the host is not on the list of allowed receivers")
        if not all(is_public(address) or self._allowed.is_ours(address) for address in found):
            raise NotAllowed("the host's address is not public")
        if target.port not in _USUAL_PORTS and target.port < _FIRST_FREE_PORT:
            raise NotAllowed("the port is not one of the web: 80, 443, or 1024 and above")
        return found

    async def _post(
        self,
        target: Target,
        addresses: Sequence[Address],
        body: bytes,
        headers: Mapping[str, str],
        sent: "_Progress",
    ) -> Answer:
        tried = addresses[:_ADDRESSES_TRIED]
        for address in tried:
            try:
                return await self._at(target, address, body, headers, sent)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                if address is tried[-1]:
                    raise NotReached("no connection") from error
            except httpx.HTTPError as error:
                if sent.answer is not None:
                    return sent.answer
                raise (NoAnswer if sent.began else NotReached)(type(error).__name__) from error
        raise NotReached("no connection")

    async def _at(
        self, target: Target, address: Address, body: bytes, headers: Mapping[str, str], sent: "_Progress"
    ) -> Answer:
        request = self._http.build_request(
            "POST",
            target.url.copy_with(host=str(address), fragment=None),
            content=body,
            headers={
                "user-agent": "headrace",
                "accept": "*/*",
                "accept-encoding": "identity",
                **headers,
                "host": target.url.netloc.decode("ascii"),
            },
            extensions={"sni_hostname": target.host, "trace": sent.trace},
        )
        response = await self._http.send(request, stream=True)
        try:
            async with asyncio.timeout(_BODY_S):
                return await _read(response, sent)
        except TimeoutError:  # the status is what counts
            assert sent.answer is not None
            return sent.answer
        finally:
            await response.aclose()


class _Progress:
    """How far one call came. `answer`: the status has come, and the body so far."""

    def __init__(self) -> None:
        self.began = False
        self.answer: Answer | None = None

    async def trace(self, event: str, _: Any) -> None:
        if event.endswith("send_request_headers.started"):
            self.began = True
            write_sent()


async def _read(response: httpx.Response, sent: _Progress) -> Answer:
    body = b""
    headers = {name.lower(): value for name, value in response.headers.items()}
    sent.answer = Answer(response.status_code, headers, body)
    async for part in response.aiter_raw():
        body = (body + part)[:REPLY_LIMIT_BYTES]
        sent.answer = Answer(response.status_code, headers, body)
        if len(body) >= REPLY_LIMIT_BYTES:
            break
    return sent.answer


async def look_up(host: str, port: int) -> list[str]:
    """By the system's resolver, which also reads 0x7f.1 and 2130706433 as it always did: its answer is what counts."""
    rows = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(row[4][0]) for row in rows]
