"""Faults ordered for the next calls: an answer, a delay, a pause, a slow or giant answer, a broken connection.

Knows matching and counting; the server carries them out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from headrace.simulators.call import Answer


@dataclass(slots=True)
class Fault:
    """`times` None: until cleared. `after`: the call is carried out first, only its answer is lost.

    `pause`: held until somebody releases what has this name (never, if nobody does: it hangs). `drip_s`: between two
    bytes of the answer; `size`: bytes of padding behind its body.
    """

    method: str | None
    path: str
    vendor: str | None
    status: int | None
    headers: dict[str, str]
    body: bytes | None
    delay_s: float
    drop: bool
    after: bool
    times: int | None
    pause: str | None = None
    drip_s: float = 0.0
    size: int = 0

    def answer(self) -> Answer | None:
        """The answer instead of the vendor's; None if the fault only delays or drops."""
        return None if self.status is None else Answer(self.status, self.body, self.headers)


@dataclass(slots=True)
class Faults:
    """In the order they came; the first that matches is used up by one."""

    waiting: list[Fault] = field(default_factory=list)

    def order(self, entries: list[Mapping[str, Any]]) -> None:
        """Add faults as `POST /_sim/faults` takes them; raises ValueError for what is none."""
        self.waiting.extend([_fault(entry) for entry in entries])

    def clear(self) -> None:
        """Forget all."""
        self.waiting.clear()

    def take(self, vendor: str, method: str, *paths: str) -> Fault | None:
        """The fault for a call; any of its paths (with and without the store's prefix) may match."""
        for fault in self.waiting:
            if fault.vendor not in {None, vendor} or fault.method not in {None, method}:
                continue
            if not any(path.startswith(fault.path) for path in paths):
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self.waiting.remove(fault)
            return fault
        return None


def _fault(entry: Mapping[str, Any]) -> Fault:
    try:
        match, reply = entry.get("match") or {}, entry.get("reply") or {}
        match = {"vendor": match} if isinstance(match, str) else match
        method, status, body, times = match.get("method"), reply.get("status"), reply.get("body"), entry.get("times", 1)
        return Fault(
            method=None if method is None else str(method).upper(),
            path=str(match.get("path", "")),
            vendor=match.get("vendor"),
            status=None if status is None else int(status),
            headers={str(name): str(value) for name, value in (reply.get("headers") or {}).items()},
            body=body.encode() if isinstance(body, str) else None if body is None else msgspec.json.encode(body),
            delay_s=float(reply.get("delay_s", 0)),
            drop=bool(reply.get("drop", False)),
            after=bool(reply.get("after", False)),
            times=None if times is None else int(times),
            pause=None if reply.get("pause") is None else str(reply["pause"]),
            drip_s=float(reply.get("drip_s", 0)),
            size=int(reply.get("size", 0)),
        )
    except (AttributeError, TypeError) as error:
        raise ValueError(f"not a fault: {error}") from error
