"""Effects: what stands under `send_email`, `webhook` and the others, read by their table (`effects.py`)."""

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from headrace.contracts.effects import EffectKind
from headrace.rules import scalars
from headrace.rules.catalogue import EVENT, FIELDS, FORM
from headrace.rules.effects import (
    COUPON,
    COUPON_ONE_OF,
    EFFECTS,
    EXTRA_COLUMNS,
    PERSONAL_COLUMNS,
    SEQUENCE_PLATFORMS,
    USES,
    EffectSpec,
    Option,
    OptionKind,
)
from headrace.rules.findings import Refused, did_you_mean, quoted
from headrace.rules.model import Send
from headrace.rules.parse_store import MAX_PROSE
from headrace.rules.reading import Reading, Use, keys, mapping, one_or_more, single_pair
from headrace.rules.yaml_source import Items, Mapping, Node, Pair, Scalar

MAX_TOLD: Final = 10_000
"""Bytes under `with` or `do`: every effect carries them."""
CONSUMER: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_WHOLE: Final = re.compile(r"0|-?[1-9][0-9]{0,14}")


def effect(kind: EffectKind, node: Node, reading: Reading) -> Send:
    """An effect without its key, which the list it stands in gives it. Raises `Refused`."""
    if kind == "do":
        return _own(node, reading)
    spec = EFFECTS[kind]
    if isinstance(node, Scalar) and spec.short:
        return Send(kind=kind, key="", with_={spec.short: _READERS[spec.options[spec.short].kind](node, reading)})
    return Send(kind=kind, key="", with_=_options(kind, node, spec, reading))


def _own(node: Node, reading: Reading) -> Send:
    key, value = single_pair(node, "do", "do: {loyalty-cards: {print: gold}}")
    if not CONSUMER.fullmatch(key.text):
        raise Refused(
            "bad_text",
            key.place,
            f"{quoted(key.text)} cannot be a consumer's name",
            "write its name in lower-case letters, digits, '.' and '-'",
        )
    given = _mapping(value, reading)
    reading.own_effects.append((Use(key.text, key.place, reading.report.entry), given))
    return Send(kind="do", key="", with_=given, consumer=key.text)


def _options(kind: str, node: Node, spec: EffectSpec, reading: Reading) -> dict[str, Any]:
    found = keys(node, kind, reading.report, known=tuple(spec.options))
    values = _values(found, spec.options, reading)
    for name, option in spec.options.items():
        if option.required and name not in found:
            raise Refused("missing_key", node.place, f"{kind} has no {name}", f"write {spec.example}")
    _one_of(kind, spec.one_of, found, node, spec.example)
    return values


def _values(found: dict[str, Node], options: dict[str, Option], reading: Reading) -> dict[str, Any]:
    read = {name: reading.report.tried(_READERS[options[name].kind], value, reading) for name, value in found.items()}
    return {name: value for name, value in read.items() if value is not None}


def _one_of(what: str, names: tuple[str, ...], found: dict[str, Node], node: Node, example: str) -> None:
    written = [name for name in names if name in found]
    if names and len(written) != 1:
        either = " or ".join(names)
        place = found[written[1]].place if written else node.place
        problem = f"{what} says {' and '.join(written)}" if written else f"{what} says neither {' nor '.join(names)}"
        raise Refused(
            "missing_key" if not written else "several_operators", place, problem, f"write {either}: {example}"
        )


def _url(node: Node, reading: Reading) -> str:
    written = scalars.text(node, "url", limit=MAX_PROSE)
    if _of_the_web(written):
        return written
    hint = "write https://erp.example.com/vip, without a password" if "://" in written else f"write https://{written}"
    raise Refused("not_a_url", node.place, f"{quoted(written)} is no address of the web", hint)


def _of_the_web(written: str) -> bool:
    try:
        parts = urlsplit(written)
        return parts.scheme in ("https", "http") and bool(parts.hostname) and not parts.username and " " not in written
    except ValueError:
        return False


def _addresses(node: Node, reading: Reading) -> list[str]:
    return list(one_or_more(node, "to", reading.report, _address))


def _address(node: Node) -> str:
    written = scalars.text(node, "to")
    if _ADDRESS.fullmatch(written):
        return written
    raise Refused("bad_text", node.place, f"{quoted(written)} is no e-mail address", "write staff@example.com")


def _percent(node: Node, reading: Reading) -> int:
    number = scalars.whole_number(node, "percent")
    if 1 <= number <= 100:
        return number
    raise Refused("not_a_percentage", node.place, f"percent cannot be {number}", "write 1 to 100, such as 10")


def _money(node: Node, reading: Reading) -> dict[str, Any]:
    return {"amount_minor": scalars.money(node, "amount", currency=reading.currency), "currency": reading.currency}


def _duration(node: Node, reading: Reading) -> dict[str, Any]:
    count, unit = scalars.duration(node, "expires")
    if count == 0:
        raise Refused("not_a_duration", node.place, "expires is no time at all", f"write 30 {unit}s")
    return {"count": count, "unit": unit}


def _mapping(node: Node, reading: Reading) -> dict[str, Any]:
    """Free data; a `coupon` in it is one."""
    told = {pair.key.text: _named(pair, reading) for pair in mapping(node, "what an effect is told").pairs}
    size = len(msgspec.json.encode(told))
    if size > MAX_TOLD:
        raise Refused(
            "too_many",
            node.place,
            f"what this effect is told has {size:,} bytes",
            f"at most {MAX_TOLD:,}: pass a name, and let the template or the consumer know the rest",
        )
    return told


def _named(pair: Pair, reading: Reading) -> Any:
    if pair.key.text != "coupon" or not isinstance(pair.value, Mapping):
        return plain(pair.value)
    found = keys(pair.value, "a coupon", reading.report, known=tuple(COUPON))
    _one_of("a coupon", COUPON_ONE_OF, found, pair.value, "{percent: 10}")
    return _values(found, COUPON, reading)


def plain(node: Node) -> Any:
    """Free data as it is written: whole numbers, true, false and null where no quotes make them text."""
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    if isinstance(node, Mapping):
        return {pair.key.text: plain(pair.value) for pair in node.pairs}
    if node.quoted:
        return node.text
    if _WHOLE.fullmatch(node.text):
        return int(node.text)
    return {"true": True, "false": False, "null": None, "": None}.get(node.text, node.text)


def _platform(node: Node, reading: Reading) -> str:
    if scalars.text(node, "platform") == "sendgrid":
        raise Refused(
            "unknown_choice",
            node.place,
            "sendgrid has no sequence that a call starts or stops",
            "let its automation begin with a list, and put the customer on that: add_to_list: {sendgrid: NAME}",
        )
    return scalars.choice(node, "platform", SEQUENCE_PLATFORMS)


def _file(node: Node, reading: Reading) -> str:
    name = scalars.text(node, "file", limit=100)
    if re.search(r"[/\\:*?\"<>|]", name) or name.startswith("."):
        raise Refused("bad_text", node.place, f"{quoted(name)} is no name of a file", "write backorders.csv")
    return name


def _columns(node: Node, reading: Reading) -> list[str]:
    return list(dict.fromkeys(one_or_more(node, "columns", reading.report, _column)))


def _column(node: Node) -> str:
    name = scalars.text(node, "a column")
    if name in EXTRA_COLUMNS or name in _COLUMNS:
        return name
    if name in PERSONAL_COLUMNS or name.startswith((FORM, EVENT)):
        raise Refused(
            "unknown_field",
            node.place,
            f"{name} is personal, and stands in no row",
            "leave it out; customer.email and the names are filled in by whoever writes the row",
        )
    hint = did_you_mean(name, (*EXTRA_COLUMNS, *_COLUMNS), otherwise=f"write {', '.join(EXTRA_COLUMNS)} or a field")
    raise Refused("unknown_field", node.place, f"{quoted(name)} is no field that stands in a row", hint)


_COLUMNS: Final = tuple(
    name
    for name, field in FIELDS.items()
    if field.family not in ("list", "calendar", "channels") and name not in PERSONAL_COLUMNS
)
_READERS: Final[dict[OptionKind, Callable[[Node, Reading], Any]]] = {
    "name": lambda node, reading: scalars.text(node, "a name"),
    "prose": lambda node, reading: scalars.text(node, "text", limit=MAX_PROSE),
    "url": _url,
    "addresses": _addresses,
    "percent": _percent,
    "money": _money,
    "duration": _duration,
    "platform": _platform,
    "customer": lambda node, reading: scalars.choice(node, "to", ("customer",)),
    "use": lambda node, reading: scalars.choice(node, "for", USES),
    "mapping": _mapping,
    "file": _file,
    "columns": _columns,
}
