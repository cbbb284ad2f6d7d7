"""The simulators' control endpoints (`/_sim/*`), as the demo uses them. Nothing of the vendors' own APIs is here."""

from datetime import UTC, datetime
from typing import Any, Final, Self

import httpx

_ALL: Final = 10**9


class SimulatorControl:
    """Talks to one simulated world; use as an async context manager. Raises httpx.HTTPError."""

    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(base_url=url, timeout=httpx.Timeout(60.0))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def truth(self) -> dict[str, Any]:
        """What the vendors hold now: {"customers", "members", "platforms", "effects"}."""
        return await self._get("/_sim/truth")

    async def calls(self) -> dict[str, Any]:
        """What was called, written and delivered so far."""
        return await self._get("/_sim/calls")

    async def mails(self) -> list[dict[str, Any]]:
        """Every mail that the mail server took, as often as it took it."""
        found: list[dict[str, Any]] = (await self._get(f"/_sim/mails?limit={_ALL}"))["mails"]
        return found

    async def now(self) -> datetime:
        """The store's date."""
        clock = await self._get("/_sim/clock")
        return datetime.fromisoformat(clock["now"]).astimezone(UTC)

    async def advance(self, to: datetime) -> None:
        """Moves the store's date forward."""
        await self._post("/_sim/clock", {"advance_to": to.isoformat()})

    async def operate(self, operations: list[dict[str, Any]]) -> dict[str, Any]:
        """Applies operations in order; the date jumps to each one's time."""
        return await self._post("/_sim/orders", {"operations": operations})

    async def _get(self, path: str) -> dict[str, Any]:
        reply = await self._client.get(path)
        reply.raise_for_status()
        found: dict[str, Any] = reply.json()
        return found

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        reply = await self._client.post(path, json=body)
        reply.raise_for_status()
        found: dict[str, Any] = reply.json() if reply.content else {}
        return found
