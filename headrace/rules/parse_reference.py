"""What rules look names up in: channels, other spellings of companies, postcodes; and the operands that use them.

All three are top-level keys, read before any entry.
"""

from pathlib import Path
from typing import Final

from headrace.rules import scalars
from headrace.rules.catalogue import Field
from headrace.rules.findings import Refused, did_you_mean, quoted
from headrace.rules.model import Nearby, fold
from headrace.rules.parse_values import folded
from headrace.rules.postcodes import BadPostcodes, Point, read_postcodes
from headrace.rules.reading import MAX_ITEMS, Reading, keys, mapping, one_or_more
from headrace.rules.yaml_source import Node, Scalar

MAX_KM: Final = 20_000
_CHANNELS: Final = "channels: {online: [1, 3], in_store: 2}"
_POSTCODES: Final = "postcodes: postcodes.csv"


def channels(node: Node, reading: Reading) -> dict[str, tuple[int, ...]]:
    """`{online: [1, 3], in_store: 2}`: names for the store's channel ids."""
    found: dict[str, tuple[int, ...]] = {}
    for key, value in mapping(node, "channels").pairs:
        name = _name_of_channel(key)
        ids = one_or_more(value, f"the ids of {name}", reading.report, lambda one: scalars.whole_number(one, "an id"))
        found[name] = tuple(dict.fromkeys(ids))
    reading.channels = found
    return found


def _name_of_channel(key: Scalar) -> str:
    name = fold(key.text).replace(" ", "_")
    if not name or name.isdigit() or len(name) > scalars.MAX_TEXT or not name.isprintable():
        raise Refused("bad_text", key.place, f"{quoted(key.text)} is no name for a channel", f"write {_CHANNELS}")
    return name


def channel(node: Node, reading: Reading) -> str:
    """A channel as rules name it: one of `channels`, or an id of the store."""
    return channel_named(scalars.scalar(node, "a channel"), scalars.text(node, "a channel"), reading)


def channel_named(at: Scalar, written: str, reading: Reading) -> str:
    """The same, of a name that stands within another word."""
    name = fold(written).replace(" ", "_")
    if name in reading.channels or (name.isascii() and name.isdigit() and len(name) <= scalars.MAX_DIGITS):
        return name if name in reading.channels else str(int(name))
    otherwise = f"name it at the top: {_CHANNELS}; a bare number is an id of the store"
    hint = did_you_mean(name, tuple(reading.channels), otherwise=otherwise)
    raise Refused("unknown_channel", at.place, f"no channel is called {quoted(written)}", hint)


def channel_ids(node: Node, reading: Reading) -> tuple[int, ...]:
    """The store's ids behind a channel, or a list of them."""
    named = one_or_more(node, "channel", reading.report, lambda one: channel(one, reading))
    ids = (each_id for name in named for each_id in reading.channels.get(name) or (int(name),))
    return tuple(dict.fromkeys(ids))


def aliases(node: Node, reading: Reading) -> dict[str, tuple[str, ...]]:
    """`{Acme: [Acme Corporation, ACME Intl]}`: a company and other spellings of it, folded."""
    found: dict[str, tuple[str, ...]] = {}
    meant: dict[str, str] = {}
    for key, value in mapping(node, "aliases").pairs:
        name = folded(key, "a company")
        several = one_or_more(value, f"spellings of {key.text}", reading.report, lambda one: folded(one, "a company"))
        for spelling in several:
            if meant.setdefault(spelling, name) != name or (spelling in found and spelling != name):
                raise Refused(
                    "given_twice",
                    value.place,
                    f"{quoted(spelling)} is also {quoted(meant[spelling])}",
                    "write each spelling under one company",
                )
        found[name] = tuple(dict.fromkeys(several))
    return found


def postcodes(node: Node, reading: Reading) -> None:
    """The name of a CSV file beside the rule file."""
    name = scalars.text(node, "postcodes")
    if Path(name).name != name:
        raise Refused("bad_postcodes", node.place, f"{quoted(name)} is not beside the rule file", f"write {_POSTCODES}")
    try:
        reading.postcodes = read_postcodes(Path(node.place.file).parent / name)
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        hint = "put the file beside the rule file: postcode,latitude,longitude"
        raise Refused("bad_postcodes", node.place, f"{name} cannot be read: {reason}", hint) from error
    except BadPostcodes as error:
        raise Refused("bad_postcodes", node.place, f"{name}: {error}", error.hint) from error


def nearby(node: Node, field: Field, reading: Reading, country: str) -> Nearby:
    """`{km: 50, of: 10001}`: the postcodes this is, by the file. `country`: that of the address tested beside it."""
    found = keys(node, "within", reading.report, known=("km", "of"))
    for key in ("km", "of"):
        if key not in found:
            raise Refused("missing_key", node.place, f"within has no {key}", "write within: {km: 50, of: 10001}")
    km = scalars.whole_number(found["km"], "km")
    if not 1 <= km <= MAX_KM:
        raise Refused("empty_range", found["km"].place, f"{km} km is no distance on earth", f"write 1 to {MAX_KM}")
    if reading.postcodes is None:
        raise Refused(
            "unknown_postcode",
            node.place,
            "where postcodes lie is not known: no file is named at postcodes",
            f"write {_POSTCODES} at the top, a file with the columns postcode, latitude, longitude",
        )
    center = _center(found["of"], reading, country)
    zips = reading.postcodes.within(center, km)
    if len(zips) > MAX_ITEMS:
        hint = "write a smaller distance, or test the state or country"
        raise Refused("too_many", found["km"].place, f"{len(zips):,} postcodes are that near", hint)
    return Nearby(km=km, of=center.postcode, zips=zips)


def _center(node: Node, reading: Reading, country: str) -> Point:
    assert reading.postcodes is not None
    written = folded(node, "a postcode")
    found = reading.postcodes.named(written, country)
    if not found:
        where = f" in {country}" if country else ""
        known = tuple(point.postcode for point in reading.postcodes.points[:MAX_ITEMS])
        hint = did_you_mean(written, known, otherwise="write a postcode of the file, or add this one to it")
        raise Refused("unknown_postcode", node.place, f"the file has no postcode {quoted(written)}{where}", hint)
    countries = sorted({point.country for point in found})
    if len(countries) > 1:
        raise Refused(
            "unknown_postcode",
            node.place,
            f"{quoted(written)} is in {' and in '.join(countries)}",
            f"name the country beside it: all: [{{country: {countries[0]}}}, {{radius: ...}}]",
        )
    return found[0]
