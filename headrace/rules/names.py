"""What attributes, their values, tags and entries may be called, so that every platform can carry the name."""

import re
from typing import Final

from headrace.rules import scalars
from headrace.rules.findings import Place, Refused, quoted
from headrace.rules.yaml_source import Node

MAX_NAME: Final = 100
_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def attribute_name(name: str, place: Place) -> str:
    """The name of an attribute: `;` and `=` separate names and values in the store's own field."""
    if not name.strip() or name != name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise Refused(
            "bad_text", place, f"{quoted(name)} cannot be an attribute's name", f"write 1 to {MAX_NAME} characters"
        )
    _refuse(name, ";=", "an attribute's name", place)
    return name


def attribute_value(node: Node) -> str:
    """One value of an attribute, spelled as it will show."""
    value = scalars.text(node, "an attribute's value")
    _refuse(value, ";", "an attribute's value", node.place)
    return value


def tag_name(node: Node) -> str:
    """A tag, spelled as it will show; Mailchimp takes 100 characters."""
    return scalars.text(node, "a tag", limit=MAX_NAME)


def list_name(node: Node) -> str:
    """A list, spelled as the platform shows it."""
    return scalars.text(node, "a list", limit=MAX_NAME)


def effect_key(node: Node) -> str:
    """What an effect is called within its entry."""
    written = scalars.text(node, "key")
    if _KEY.fullmatch(written):
        return written
    plain = re.sub(r"[^A-Za-z0-9_]+", "-", written).strip("-_")[:64] or "thanks"
    raise Refused(
        "bad_id",
        node.place,
        f"{quoted(written)} is no key: a key is up to 64 letters, digits, '-' and '_'",
        f"write {plain}",
    )


def entry_id(node: Node) -> str:
    """The id of an entry."""
    written = scalars.text(node, "id")
    if _ID.fullmatch(written):
        return written
    plain = re.sub(r"[^A-Za-z0-9_.]+", "-", written).strip("-._")[:100]
    hint = f"write {plain}" if plain else "write letters and digits, such as gold-members"
    raise Refused(
        "bad_id", node.place, f"{quoted(written)} is no id: an id is up to 100 letters, digits, '-', '_' and '.'", hint
    )


def _refuse(name: str, characters: str, what: str, place: Place) -> None:
    found = [character for character in characters if character in name]
    if found:
        raise Refused(
            "bad_text", place, f"{what} cannot contain {quoted(found[0])}", f"leave out {' and '.join(characters)}"
        )
