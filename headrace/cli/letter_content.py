"""What a dead letter holds, as people read it: the value's text with personal data masked.

A record that was set aside may be anything, so nothing is shown but what is known to be harmless by its name.
"""

import base64
import json
from typing import Any, Final

from headrace.contracts.events import CUSTOM_PREFIX

MASK: Final = "***"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_IDS: Final = _words(
    "at cause country_code created_at currency customer customer_id dataschema datacontenttype entry event"
    " hash headraceorigin headracerevision id kind location modified_at now order_id origin platform product_id"
    " reason received_at refund_id removed_at resource resource_id result revision scope sku source specversion status"
    " step store subject time topic type until updated_at variant_id"
)
"""Names of the contracts under which stand ids, times and words of the catalogue: shown when there is no blank."""
_NAMES: Final = _words(
    "absent attribute became brand category group lists lists_absent observed present rules sources value values"
)
"""Those under which stand the merchant's own names, also as keys and lists below them."""
_SMALL: Final = 1_000_000
"""A larger number under another name may be a telephone's."""


def content(value: bytes | None, *, personal: bool) -> dict[str, Any]:
    """{"value", "encoding": "json", "base64" or "none", "bytes", "masked"}: JSON as its text, anything else as base64.

    Without `personal` the text is masked, and what is no JSON is not shown at all.
    """
    if value is None:
        return {"value": None, "encoding": "none", "bytes": 0, "masked": False}
    found: dict[str, Any] = {"bytes": len(value), "masked": not personal}
    try:
        text = value.decode()
        parsed = json.loads(text)
        masked = text if personal else as_text(masked_value(parsed))
    except (ValueError, RecursionError):
        return found | {"value": base64.b64encode(value).decode() if personal else None, "encoding": "base64"}
    return found | {"value": masked, "encoding": "json"}


def as_text(value: Any) -> str:
    """JSON in one line."""
    return json.dumps(value, ensure_ascii=False)


def masked_value(value: Any, name: str = "", *, personal: bool = False) -> Any:
    """JSON with every text masked that is not harmless by its name; under `personal` everything is."""
    if isinstance(value, dict):
        own = str(value.get("type", "")).startswith(CUSTOM_PREFIX)  # a merchant's own event says what it likes
        return {
            MASK if "@" in key else key: masked_value(
                each,
                name if name in _NAMES else key,
                personal=personal or key == "personal" or (own and key == "data"),
            )
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [masked_value(each, name, personal=personal) for each in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return MASK if personal else _text(value, name)
    return value if not personal and (name in _IDS or abs(value) < _SMALL) else MASK


def _text(text: str, name: str) -> str:
    if "@" in text:
        return MASK
    if name == "body":  # a notice's: JSON in JSON
        try:
            return as_text(masked_value(json.loads(text)))
        except (ValueError, RecursionError):
            return MASK
    shown = name in _NAMES or (name in _IDS and not any(map(str.isspace, text)))
    return text if shown else MASK
