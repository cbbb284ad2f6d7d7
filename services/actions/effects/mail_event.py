"""`send_email`, `start_sequence` and `stop_sequence` by an event at a platform, which mails by what it waits for."""

from typing import Final

from headrace.consumer.effects import Done, Letter, Refused
from headrace.contracts.effects import Effect
from headrace.platforms.mailchimp.journeys import step_of
from services.actions.effects.asking import PREPARING_S, asking, preparing
from services.actions.effects.coupon import Coupons
from services.actions.effects.events import Events
from services.actions.effects.filling import address_of_letter, coupon_shown, properties_of

STOP: Final = " stop"
"""Behind a sequence's name: the event that ends it."""
_DEADLINE_S: Final = 60.0


class EventMailSender:
    """The template's name is the event's."""

    name: Final = "mail"
    concurrency: Final = 8
    deadline_s: Final = _DEADLINE_S

    def __init__(self, events: Events, coupons: Coupons | None) -> None:
        self._events = events
        self._coupons = coupons

    @property
    def keyed(self) -> bool:
        """As the platform is."""
        return self._events.keyed

    def wants(self, effect: Effect) -> bool:
        """Mails to customers."""
        return effect.kind == "send_email"

    async def send(self, letter: Letter) -> Done:
        """No receipt: platforms tell none."""
        email = address_of_letter(letter)
        with asking(deadline_s=self.deadline_s, may_be_done=self.keyed):
            async with preparing(PREPARING_S):
                coupon = await coupon_shown(letter, self._coupons)
            template = str(letter.effect.with_.get("template", ""))
            await self._events.fire(letter, email, template, properties_of(letter, coupon))
        return Done()


class SequenceSender:
    """Sequences of one platform: `welcome` starts it, `welcome stop` is what its exit waits for."""

    concurrency: Final = 8
    deadline_s: Final = _DEADLINE_S

    def __init__(self, events: Events) -> None:
        self._events = events

    @property
    def name(self) -> str:
        """`sequence.klaviyo`."""
        return f"sequence.{self._events.platform}"

    @property
    def keyed(self) -> bool:
        """As the platform is."""
        return self._events.keyed

    def wants(self, effect: Effect) -> bool:
        """Those of this platform."""
        of_sequences = effect.kind in ("start_sequence", "stop_sequence")
        return of_sequences and effect.with_.get("platform") == self._events.platform

    async def send(self, letter: Letter) -> Done:
        """No receipt: platforms tell none."""
        effect = letter.effect
        name, stops = str(effect.with_.get("name", "")), effect.kind == "stop_sequence"
        if stops and self._events.platform == "mailchimp" and step_of(name) is not None:
            raise Refused(
                "not_possible", "no call ends a journey: name an event, and let the journey's exit wait for it"
            )
        email = address_of_letter(letter)
        with asking(deadline_s=self.deadline_s, may_be_done=self.keyed):
            await self._events.fire(letter, email, name + STOP * stops, properties_of(letter, None))
        return Done()
