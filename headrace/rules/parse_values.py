"""Operands by the family of their field: domains, countries, states, amounts, numbers, texts."""

import re
from typing import Final

import re2

from headrace.rules import scalars
from headrace.rules.catalogue import Field
from headrace.rules.findings import Refused, did_you_mean, quoted
from headrace.rules.geography import (
    country_code,
    country_names,
    knows_states,
    state_name,
    state_names,
    states_meant,
)
from headrace.rules.model import fold
from headrace.rules.reading import Reading
from headrace.rules.yaml_source import Node

_DOMAIN: Final = re.compile(r"[^\s@/:,;*]+\.[^\s@/:,;*.]+")
_CODE: Final = re.compile(r"[a-z0-9]{1,3}")


def value(node: Node, field: Field, reading: Reading, country: str) -> int | str:
    """One operand of a field's test, compiled. `country`: that of the address tested beside it, "" if unknown."""
    if field.family == "number":
        return scalars.whole_number(node, field.name)
    if field.family == "money":
        return scalars.money(node, field.name, currency=reading.currency)
    if field.name == "country":
        return _country(node)
    if field.name == "state":
        return _state(node, country)
    return folded(node, field.name)


def folded(node: Node, what: str) -> str:
    """Text as it is compared: case and accents folded."""
    result = fold(scalars.text(node, what))
    if not result:
        raise Refused("empty_value", node.place, f"{what} has nothing to compare with", "write at least one letter")
    return result


def domain(node: Node, field: Field) -> str:
    """An e-mail domain: what follows the @."""
    written = folded(node, field.name)
    if _DOMAIN.fullmatch(written):
        return written
    tail = written.rpartition("@")[2].removeprefix("*.")
    hint = f"write {tail}" if _DOMAIN.fullmatch(tail) else "write what follows the @, such as acme.com"
    if written.startswith("*."):
        hint = f"write {{in: [{tail}], or_subdomains: true}}"
    raise Refused("bad_domain", node.place, f"{quoted(written)} is no e-mail domain", hint)


def pattern(node: Node, field: Field) -> str:
    """A regular expression that RE2 can run, as written."""
    written = scalars.text(node, field.name)
    _refuse_accents(node, written)
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(written, options)
        re2.compile(f"(?i:{written})", options)  # as the core runs it
    except re2.error as error:
        cause = error.args[0] if error.args else error
        reason = cause.decode(errors="replace") if isinstance(cause, bytes) else str(cause)
        raise Refused(
            "bad_pattern",
            node.place,
            f"{quoted(written)} is no regular expression: {reason}",
            "RE2 has no look-around or back-references; for plain text write contains: or starts_with:",
        ) from error
    return written


def _refuse_accents(node: Node, written: str) -> None:
    """Texts are folded before a pattern sees them: a letter that folding takes away would never be found."""
    lost = next((letter for letter in written if letter.isalpha() and fold(letter) not in _kept(letter)), None)
    if lost is not None:
        raise Refused(
            "bad_pattern",
            node.place,
            f"{quoted(lost)} is never found: texts are compared without accents",
            f"write {quoted(fold(lost))} for it",
        )


def _kept(letter: str) -> tuple[str, str]:
    """What RE2 takes for this letter, in any case: one letter, never `ss` for a sharp s."""
    return letter.lower(), letter.casefold() if len(letter.casefold()) == 1 else letter


def _country(node: Node) -> str:
    written = scalars.text(node, "country")
    code = country_code(written)
    if code is None:
        hint = did_you_mean(
            fold(written), country_names(), otherwise="write the country's English name or its code, such as GB"
        )
        raise Refused("unknown_country", node.place, f"no country is called {quoted(written)}", hint)
    return code


def _state(node: Node, country: str) -> str:
    written = folded(node, "state")
    if country:
        return _state_of(node, country, written)
    meant = states_meant(written)
    if len(meant) > 1:
        raise Refused(
            "unknown_state",
            node.place,
            f"the state code {quoted(written.upper())} is {' or '.join(name.title() for name in meant)}",
            f"write {' or '.join(name.title() for name in meant)}",
        )
    if not meant and _CODE.fullmatch(written):
        raise Refused(
            "unknown_state",
            node.place,
            f"no state is known by the code {quoted(written.upper())} alone",
            "write the state's full name, or name the country beside it: all: [{country: IT}, {state: MI}]",
        )
    return state_name("", written)


def _state_of(node: Node, country: str, written: str) -> str:
    known = state_names(country)
    if written not in known and _CODE.fullmatch(written) and knows_states(country):
        hint = did_you_mean(written, known, otherwise="write the state's full name")
        raise Refused("unknown_state", node.place, f"{country} has no state {quoted(written.upper())}", hint)
    return state_name(country, written)
