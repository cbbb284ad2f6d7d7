"""Events at Klaviyo, Mailchimp and Omnisend, which flows, automations and journeys of the account wait for.

None of them has a call that sends a mail. Klaviyo alone knows our id, so that asked twice it happens once.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from headrace.consumer.effects import Letter, Refused
from headrace.platforms import klaviyo, mailchimp, omnisend
from headrace.platforms.errors import Rejected
from headrace.platforms.http import VendorClient
from headrace.platforms.mailchimp.events import LONGEST_NAME, SHORTEST_NAME, send_event
from headrace.platforms.mailchimp.journeys import step_of, trigger_step

_MISSING: Final = 404


class Events(Protocol):
    """What fires an event of a customer at one platform."""

    @property
    def platform(self) -> str: ...
    @property
    def keyed(self) -> bool: ...
    async def fire(self, letter: Letter, email: str, name: str, properties: Mapping[str, str]) -> None:
        """Raises Refused and the client's errors."""


class KlaviyoEvents:
    """A metric of the name, with the effect's id as its own."""

    platform: Final = "klaviyo"
    keyed: Final = True

    def __init__(self, client: VendorClient) -> None:
        self._client = client

    async def fire(self, letter: Letter, email: str, name: str, properties: Mapping[str, str]) -> None:
        """`at` is when it was decided: the same each time it is asked."""
        effect = letter.effect
        try:
            event = klaviyo.Event(name, email, effect.id, effect.decided_at, dict(properties))
        except ValueError as error:
            raise Refused("bad_name", str(error)) from None
        await self._client.call(klaviyo.send_event(event))


class MailchimpEvents:
    """An event of the name; `journey:12/34` triggers that step of that journey instead."""

    platform: Final = "mailchimp"
    keyed: Final = False

    def __init__(self, client: VendorClient, list_id: str) -> None:
        self._client = client
        self._list = list_id

    async def fire(self, letter: Letter, email: str, name: str, properties: Mapping[str, str]) -> None:
        """Who is no member yet becomes one, subscribed only by consent; a member keeps its status."""
        step = step_of(name)
        if step is not None:
            if "coupon_code" in properties:
                raise Refused("no_place_for_coupon", "a journey's step takes no values: use the name of an event")
            await self._client.call(trigger_step(*step, email))
            return
        if not SHORTEST_NAME <= len(name) <= LONGEST_NAME:
            raise Refused(
                "bad_name", f"{name!r} is no event at Mailchimp: write {SHORTEST_NAME} to {LONGEST_NAME} letters"
            )
        event = send_event(self._list, email, name, letter.now, properties)
        try:
            await self._client.call(event)
        except Rejected as refusal:
            if refusal.status != _MISSING:
                raise
            consents = letter.contact is not None and letter.contact.subscribed is True
            await self._client.call(
                mailchimp.upsert_member(self._list, email, "subscribed" if consents else "transactional")
            )
            await self._client.call(event)


class OmnisendEvents:
    """An event of the name. Its id is for the account's own eyes: repeats are known for events of the past only."""

    platform: Final = "omnisend"
    keyed: Final = False

    def __init__(self, client: VendorClient) -> None:
        self._client = client

    async def fire(self, letter: Letter, email: str, name: str, properties: Mapping[str, str]) -> None:
        """`at` is the store's now."""
        await self._client.call(
            omnisend.send_event(name, email, id=letter.effect.id, at=letter.now, properties=dict(properties))
        )


class SendGridEvents:
    """It has none: automations there begin with a list."""

    platform: Final = "sendgrid"
    keyed: Final = True

    async def fire(self, letter: Letter, email: str, name: str, properties: Mapping[str, str]) -> None:
        """Says so."""
        raise Refused(
            "not_possible", "SendGrid has no events: begin the automation by a list, and let the rule add to it"
        )
