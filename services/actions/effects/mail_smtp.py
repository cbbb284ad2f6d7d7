"""`send_email` by SMTP, from a template of ours. No server knows an id of ours: a doubt stays one."""

from dataclasses import dataclass
from typing import Final

from headrace.consumer.effects import Done, Letter, NotNow, Refused
from headrace.contracts.effects import Effect
from headrace.platforms.mail import Mail, SmtpClient, address_of, message_bytes
from services.actions.effects.asking import MARGIN_S, PREPARING_S, asking, preparing
from services.actions.effects.coupon import Coupons
from services.actions.effects.filling import CUSTOMER, Shop, address_of_letter, coupon_shown, values_of
from services.actions.effects.templates import TemplateProblem, Templates, TemplatesAway


@dataclass(frozen=True, slots=True)
class From:
    """Who mails are from."""

    address: str
    name: str = ""
    reply_to: str = ""


class SmtpMailSender:
    """One mail to the customer, with the coupon that the rule wants in it."""

    name: Final = "mail"
    keyed: Final = False
    concurrency: Final = 4

    def __init__(
        self, client: SmtpClient, templates: Templates, sender: From, shop: Shop, coupons: Coupons | None
    ) -> None:
        self._client = client
        self._templates = templates
        self._from = sender
        self._shop = shop
        self._coupons = coupons

    @property
    def deadline_s(self) -> float:
        """Coupon, template and mail."""
        return PREPARING_S + self._client.deadline_s + MARGIN_S

    def wants(self, effect: Effect) -> bool:
        """Mails to customers."""
        return effect.kind == "send_email"

    async def send(self, letter: Letter) -> Done:
        """The receipt is the mail server's number, where it tells one."""
        try:
            to = address_of(address_of_letter(letter))
        except ValueError:
            raise Refused("no_address", "the customer's e-mail address is none that mail can be sent to") from None
        with asking(deadline_s=self.deadline_s):
            async with preparing(PREPARING_S):
                message = message_bytes(await self._mail(letter, to))
            sent = await self._client.send(address_of(self._from.address), (to,), message)
        return Done(receipt=sent.receipt)

    async def _mail(self, letter: Letter, to: str) -> Mail:
        coupon = await coupon_shown(letter, self._coupons)
        values = values_of(letter, self._shop, coupon)
        try:
            filled = await self._templates.fill(str(letter.effect.with_.get("template", "")), values)
        except TemplateProblem as problem:
            raise Refused("template", str(problem)) from None
        except TemplatesAway as problem:
            raise NotNow(f"templates: {problem}") from None
        return Mail(
            id=letter.effect.id,
            at=letter.now,
            from_=self._from.address,
            from_name=self._from.name,
            reply_to=self._from.reply_to,
            to=(to,),
            subject=filled.subject,
            text=filled.text,
            html=filled.html,
            unsubscribe=self._shop.unsubscribe_url(letter.effect),
            one_click=CUSTOMER in self._shop.unsubscribe,
        )
