"""SendGrid mail: one message by a dynamic template. There is no key: sent twice, it arrives twice. Pure.

Taken in (202) is not delivered: who is on a suppression list gets nothing, in silence.
"""

from collections.abc import Mapping
from typing import Any, Final

from headrace.platforms.http import Reply, Request

PAGE: Final = 200
EFFECT: Final = "headrace_effect"
"""The argument that the account's own reports name the effect by."""


def send_mail(
    *, to: str, from_: str, from_name: str, template_id: str, effect: str, data: Mapping[str, Any], group: int | None
) -> Request:
    """A mail to one address. `group`: the unsubscribe group it belongs to. `sent_id` reads the reply."""
    sender = {"email": from_} | ({"name": from_name} if from_name else {})
    body: dict[str, Any] = {
        "from": sender,
        "template_id": template_id,
        "personalizations": [
            {"to": [{"email": to.strip()}], "dynamic_template_data": dict(data), "custom_args": {EFFECT: effect}}
        ],
    }
    if group is not None:
        body["asm"] = {"group_id": group}
    return Request("POST", "/v3/mail/send", json=body, repeatable=False)


def sent_id(reply: Reply) -> str:
    """The vendor's number of the message, "" where it names none."""
    return reply.headers.get("x-message-id", "")


def dynamic_templates(page_token: str = "") -> Request:
    """The account's dynamic templates (`template_ids`, `sendgrid.next_token`)."""
    params = (("generations", "dynamic"), ("page_size", str(PAGE)))
    return Request("GET", "/v3/templates", params=(*params, ("page_token", page_token)) if page_token else params)


def template_ids(reply: Reply) -> dict[str, str]:
    """Templates by name -> id."""
    rows = reply.json.get("result") or reply.json.get("templates") if isinstance(reply.json, dict) else None
    found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    pairs = ((row.get("name"), row.get("id")) for row in found)
    return {name: key for name, key in pairs if isinstance(name, str) and isinstance(key, str)}
