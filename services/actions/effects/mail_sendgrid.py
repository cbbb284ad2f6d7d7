"""`send_email` by SendGrid, from a dynamic template of the account. There is no key: a doubt stays one."""

import time
from typing import Final

from headrace.consumer.effects import Done, Letter, Refused
from headrace.contracts.effects import Effect
from headrace.platforms.http import VendorClient
from headrace.platforms.sendgrid import next_token
from headrace.platforms.sendgrid.mail import dynamic_templates, send_mail, sent_id, template_ids
from services.actions.effects.asking import PREPARING_S, asking, preparing
from services.actions.effects.coupon import Coupons
from services.actions.effects.filling import Shop, address_of_letter, coupon_shown, values_of
from services.actions.effects.mail_smtp import From

_READ_AGAIN_S: Final = 60.0
_PAGES: Final = 50


class SendGridMailSender:
    """One mail to the customer. A rule names the template as the account does, or by its id (`d-...`)."""

    name: Final = "mail"
    keyed: Final = False
    concurrency: Final = 8
    deadline_s: Final = 60.0

    def __init__(
        self, client: VendorClient, sender: From, shop: Shop, coupons: Coupons | None, *, group: int | None = None
    ) -> None:
        self._client = client
        self._from = sender
        self._shop = shop
        self._coupons = coupons
        self._group = group
        self._templates: dict[str, str] = {}
        self._read_at = float("-inf")

    def wants(self, effect: Effect) -> bool:
        """Mails to customers."""
        return effect.kind == "send_email"

    async def send(self, letter: Letter) -> Done:
        """The receipt is SendGrid's number of the message."""
        to = address_of_letter(letter)
        with asking(deadline_s=self.deadline_s):
            async with preparing(PREPARING_S):
                template = await self._template(str(letter.effect.with_.get("template", "")))
                coupon = await coupon_shown(letter, self._coupons)
            reply = await self._client.call(
                send_mail(
                    to=to,
                    from_=self._from.address,
                    from_name=self._from.name,
                    template_id=template,
                    effect=letter.effect.id,
                    data=values_of(letter, self._shop, coupon),
                    group=self._group,
                )
            )
        return Done(receipt=sent_id(reply))

    async def _template(self, name: str) -> str:
        if name.startswith("d-"):
            return name
        if name not in self._templates and time.monotonic() - self._read_at > _READ_AGAIN_S:
            self._templates = await self._read()
            self._read_at = time.monotonic()
        if name not in self._templates:
            raise Refused("template", f"SendGrid has no dynamic template called {name!r}")
        return self._templates[name]

    async def _read(self) -> dict[str, str]:
        found: dict[str, str] = {}
        token: str | None = ""
        for _ in range(_PAGES):
            reply = await self._client.call(dynamic_templates(token or ""))
            found |= template_ids(reply)
            token = next_token(reply)
            if not token:
                break
        return found
