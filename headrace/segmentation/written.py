"""Functions of the facts that are one expression each, and know it: who asks many at once writes it instead of a call.

An expression is a template of ours; whatever a rule says is among the values that it names.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, TypeVar

from headrace.segmentation.facts import Facts

V = TypeVar("V")
Said = tuple[str, Mapping[str, object]]
"""The template, and the values that it names."""


def written(text: str, **values: object) -> Callable[[Facts], Any]:
    """The function of `facts` whose result is this expression; `{name}` in it stands for a value.

    Where it says `{name}(facts)`, and the value is such a function too, that one is written within it. A whole number
    is written as it stands, so it is a place among others, and never what a rule says.
    """
    body = text.format(**{name: name for name in values})
    function: Callable[[Facts], Any] = eval(f"lambda facts: {body}", dict(values))  # noqa: S307  # see above
    vars(function)["said"] = text, values
    return function


def tested(read: Callable[[Facts], V], test: Callable[[V], bool]) -> Callable[[Facts], bool]:
    """Whether what is read of the facts meets a test."""
    return written("{test}({read}(facts))", read=read, test=test)


def expression(function: Callable[[Facts], Any], name_of: Callable[[object], str]) -> str:
    """It as an expression of `facts`; `name_of`: by which name a value is known there."""
    if isinstance(function, attrgetter):
        paths = function.__reduce__()[1]
        return f"facts.{paths[0]}" if len(paths) == 1 else f"{name_of(function)}(facts)"
    said: Said | None = getattr(function, "said", None)
    if said is None:
        return f"{name_of(function)}(facts)"
    text, values = said
    for name, value in values.items():
        if callable(value) and (asked := f"{{{name}}}(facts)") in text:
            text = text.replace(asked, expression(value, name_of))
        elif type(value) is int:
            text = text.replace(f"{{{name}}}", str(value))
    names = {name: name_of(value) for name, value in values.items() if f"{{{name}}}" in text}
    return f"({text.format(**names)})"
