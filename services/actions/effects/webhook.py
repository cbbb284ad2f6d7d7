"""`webhook`: a signed call of the rule's URL. The receiver knows the effect by its webhook-id, so it may come again."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from headrace.consumer.effects import Done, InDoubt, Letter, NotNow, Refused
from headrace.contracts.effects import Effect
from headrace.platforms.safe_http import Answer, NoAnswer, NotAllowed, NotReached, SafeClient
from headrace.platforms.webhooks_out import RETRY_AFTER_S, signed_headers
from services.actions.effects.asking import MARGIN_S

DISABLED_AFTER_S: Final = 5 * 86400.0
TRIED_AGAIN_AFTER_S: Final = 86400.0
_GONE: Final = 410
_LATER: Final = frozenset({408, 409, 423, 425, 429})
_LONGEST_WAIT_S: Final = 86400.0


@dataclass(slots=True)
class _Receiver:
    """`failing_since` None: it worked last. `closed_at`: it is called no more, but once a day."""

    failing_since: float | None = None
    closed_at: float | None = None


class Receivers:
    """Which URLs are called no more: gone (410), or failing for five days. One of them is tried once a day.

    This process remembers; a new one learns it anew.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._known: dict[str, _Receiver] = {}

    def is_open(self, url: str) -> bool:
        """Whether it may be called; of one that is closed, one call a day."""
        known, now = self._known.get(url), self._clock()
        if known is None or known.closed_at is None:
            return True
        if now - known.closed_at < TRIED_AGAIN_AFTER_S:
            return False
        known.closed_at = now
        return True

    def worked(self, url: str) -> None:
        """It took a call."""
        self._known.pop(url, None)

    def failed(self, url: str, *, gone: bool = False) -> bool:
        """It did not. True when that closes it."""
        known, now = self._known.setdefault(url, _Receiver()), self._clock()
        known.failing_since = now if known.failing_since is None else known.failing_since
        if gone or now - known.failing_since >= DISABLED_AFTER_S:
            known.closed_at = now
        return known.closed_at is not None


class WebhookSender:
    """Asked again by the standard's schedule, for three days; after that it is refused, and a person may resend it."""

    name: Final = "webhook"
    keyed: Final = True
    concurrency: Final = 16

    def __init__(
        self,
        client: SafeClient,
        secrets: Sequence[bytes],
        *,
        receivers: Receivers | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._secrets = tuple(secrets)
        self._receivers = receivers or Receivers()
        self._clock = clock

    @property
    def deadline_s(self) -> float:
        """Of one call."""
        return self._client.deadline_s + MARGIN_S

    def wants(self, effect: Effect) -> bool:
        """Calls of URLs."""
        return effect.kind == "webhook"

    async def send(self, letter: Letter) -> Done:
        """No receipt: a receiver's words are its own."""
        url, body = str(letter.effect.with_.get("url", "")), body_of(letter.effect)
        if not self._receivers.is_open(url):
            raise Refused("disabled", "its receiver is gone, or has failed for five days: it is tried once a day")
        # The receiver compares it with its own clock: not the store's.
        headers = signed_headers(self._secrets, id=letter.effect.id, at=self._clock(), body=body)
        try:
            answer = await self._client.post(url, body, headers)
        except NotAllowed as error:
            raise Refused("url_not_allowed", str(error)) from None
        except NotReached as error:
            raise self._later(letter, url, f"not reached: {error}") from None
        except NoAnswer as error:
            self._receivers.failed(url)
            raise InDoubt(f"no answer: {error}") from None
        return self._settle(letter, url, answer)

    def _settle(self, letter: Letter, url: str, answer: Answer) -> Done:
        status = answer.status
        if 200 <= status < 300:
            self._receivers.worked(url)
            return Done(detail=str(status))
        if status == _GONE:
            self._receivers.failed(url, gone=True)
            raise Refused("disabled", "410: its receiver is gone")
        if status in _LATER or status >= 500:
            raise self._later(letter, url, f"answered {status}", _retry_after(answer, self._clock()))
        if status < 400:
            raise Refused("redirect", f"{status}: redirects are not followed; write the URL that it leads to")
        raise Refused("rejected", f"its receiver answered {status}")

    def _later(self, letter: Letter, url: str, reason: str, asked_s: float | None = None) -> Exception:
        if self._receivers.failed(url):
            return Refused("disabled", f"{reason}, as all calls for five days")
        if letter.attempt > len(RETRY_AFTER_S):
            return Refused("given_up", f"{reason}, {letter.attempt} times over three days")
        return NotNow(reason, delay_s=max(RETRY_AFTER_S[max(0, letter.attempt - 1)], asked_s or 0.0))


def body_of(effect: Effect) -> bytes:
    """What a receiver is told: the same bytes each time, and nothing personal."""
    store, _, customer = effect.customer.partition(":")
    data: dict[str, Any] = {
        "id": effect.id,
        "kind": effect.kind,
        "entry": effect.entry,
        "key": effect.key,
        "store": store,
        "customer": customer,
        "cause": {"id": effect.cause_id, "event": effect.cause.event, "origin": effect.cause.origin},
        "fact_at": _text(effect.fact_at),
        "rules_version": effect.rules_version,
        "with": {name: value for name, value in effect.with_.items() if name != "url"},
    }
    told = {"type": "headrace.effect", "timestamp": _text(effect.decided_at), "data": data}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _retry_after(answer: Answer, now: datetime) -> float | None:
    written = answer.headers.get("retry-after", "")
    try:
        seconds = (
            float(written) if written.strip().isdigit() else (parsedate_to_datetime(written) - now).total_seconds()
        )
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT_S)
