"""`notify_staff`: a note to our own people, by mail or into a chat. Neither knows an id of ours: a doubt stays one."""

import json
from collections.abc import Mapping
from typing import Final

from headrace.consumer import PauseConsumer
from headrace.consumer.effects import Done, InDoubt, Letter, NotNow, Refused
from headrace.contracts.effects import Effect
from headrace.platforms.mail import Mail, SmtpClient, address_of, message_bytes
from headrace.platforms.safe_http import NoAnswer, NotAllowed, NotReached, SafeClient
from services.actions.effects.asking import MARGIN_S, asking
from services.actions.effects.filling import Shop, number_of
from services.actions.effects.mail_smtp import From

_LONGEST_SUBJECT: Final = 120


def read_channels(words: str) -> dict[str, str]:
    """`vip: https://hooks.slack.com/...`, a line each: what a rule calls a channel, and the URL its chat gave for it.

    Raises ValueError that names the line by its number only: the URLs are secrets.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(words.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, colon, url = (part.strip() for part in line.partition(":"))
        if not name or not colon or not url.startswith(("https://", "http://")):
            raise ValueError(f"line {number} is no channel: write `vip: https://...`, a line for each")
        found[name] = url
    return found


class NotifySender:
    """`client` calls the URLs of `channels`, which the settings name, not a rule."""

    name: Final = "notify"
    keyed: Final = False
    concurrency: Final = 4

    def __init__(
        self,
        *,
        mail: SmtpClient | None,
        sender: From | None,
        channels: Mapping[str, str],
        client: SafeClient,
        shop: Shop,
    ) -> None:
        self._mail = mail
        self._from = sender
        self._channels = dict(channels)
        self._client = client
        self._shop = shop

    @property
    def deadline_s(self) -> float:
        """Of one note."""
        return max(self._client.deadline_s, self._mail.deadline_s if self._mail else 0.0) + MARGIN_S

    def wants(self, effect: Effect) -> bool:
        """Notes to staff."""
        return effect.kind == "notify_staff"

    async def send(self, letter: Letter) -> Done:
        """The receipt is the mail server's number, where it tells one."""
        channel = letter.effect.with_.get("channel")
        return await (self._by_mail(letter) if channel is None else self._by_chat(letter, str(channel)))

    async def _by_mail(self, letter: Letter) -> Done:
        if self._mail is None or self._from is None:
            raise Refused("not_configured", "notes by mail need HEADRACE_SMTP_HOST and HEADRACE_MAIL_FROM")
        sender, text = address_of(self._from.address), str(letter.effect.with_.get("text", ""))
        try:
            to = tuple(address_of(str(each)) for each in letter.effect.with_.get("to", ()))
        except ValueError:
            to = ()
        if not to:
            raise Refused("no_address", "one of the rule's addresses is none that mail can be sent to")
        mail = Mail(
            id=letter.effect.id,
            at=letter.now,
            from_=self._from.address,
            from_name=self._from.name,
            to=to,
            subject=f"[{self._shop.name or 'Headrace'}] {text.strip().splitlines()[0] if text.strip() else 'Note'}"[
                :_LONGEST_SUBJECT
            ],
            text=note_of(letter.effect),
        )
        with asking(deadline_s=self.deadline_s):
            sent = await self._mail.send(sender, to, message_bytes(mail))
        return Done(receipt=sent.receipt, detail=f"refused for {sent.refused} of {len(to)}" if sent.refused else "")

    async def _by_chat(self, letter: Letter, channel: str) -> Done:
        url = self._channels.get(channel)
        if url is None:
            raise Refused("unknown_channel", f"HEADRACE_EFFECTS_CHANNELS has no channel {channel!r}")
        body = json.dumps({"text": note_of(letter.effect)}, ensure_ascii=False).encode()
        try:
            answer = await self._client.post(url, body, {"content-type": "application/json"})
        except NotAllowed as error:
            raise Refused("url_not_allowed", str(error)) from None
        except NotReached as error:
            raise NotNow(f"not reached: {error}") from None
        except NoAnswer as error:
            raise InDoubt(f"no answer: {error}") from None
        return _settled(answer.status, answer.headers.get("retry-after", ""))


def note_of(effect: Effect) -> str:
    """The rule's text, and whom it is about: by number, since a chat is no place for names."""
    text = str(effect.with_.get("text", "")).strip()
    cause = f", {effect.cause.event}" if effect.cause.event else ""
    return f"{text}\nCustomer {number_of(effect)} ({effect.entry}{cause})\n"


def _settled(status: int, retry_after: str) -> Done:
    if 200 <= status < 300:
        return Done(detail=str(status))
    if status == 429 or status == 503:
        raise NotNow(f"answered {status}", delay_s=float(retry_after) if retry_after.isdigit() else None)
    if status >= 500:
        raise InDoubt(f"answered {status}")
    if status in (401, 403):
        raise PauseConsumer(f"a chat answers {status}: look at HEADRACE_EFFECTS_CHANNELS")
    raise Refused("rejected", f"the chat answered {status}")
