"""Every request that can be built, by calling each function of `bigcommerce` with the values its types allow."""

import inspect
import itertools
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from headrace.platforms import bigcommerce
from headrace.platforms.bigcommerce import CategoryAccess, DiscountRule
from headrace.platforms.bigcommerce.metafields import Permission
from headrace.platforms.bigcommerce.newsletter import Consent
from headrace.platforms.http import Request

AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
UUID: Final = "09346904-4175-44fd-be53-f7e598531b6c"
VALUES: Final[dict[Any, tuple[Any, ...]]] = {
    int: (1, 0),
    str: (UUID, ""),
    datetime: (AT,),
    datetime | None: (None, AT),
    int | None: (None, 1),
    str | None: (None, "", "x"),
    bool | None: (None, True, False),
    Permission: ("read",),
    Mapping[str, str]: ({"X-A": "b"}, {}),
    Mapping[str, str] | None: (None, {}, {"X-A": "b"}),
    Sequence[int]: ([], [1, 2]),
    Sequence[str]: ([], [""], [UUID]),
    Sequence[Consent]: ([], ["marketing_newsletter"]),
    Sequence[tuple[int, int]]: ([], [(1, 2)]),
    Sequence[tuple[int, str]]: ([], [(1, "")], [(1, "x")]),
    Sequence[tuple[int, int, str]]: ([], [(1, 2, "")]),
    CategoryAccess | None: (None, CategoryAccess("specific")),
    Sequence[DiscountRule] | None: (None, (), [DiscountRule("all", 0, "percent", Decimal(1))]),
}
"""Harmless ones and the emptiest. A new type in a signature needs a line here."""


def builders() -> Iterator[tuple[str, Request]]:
    """Each function's name with each request it can be brought to build."""
    for name in bigcommerce.__all__:
        function = getattr(bigcommerce, name)
        if inspect.isfunction(function) and typing.get_type_hints(function)["return"] is Request:
            for request in _built(function):
                yield name, request


def _built(function: Callable[..., Request]) -> Iterator[Request]:
    types = {name: kind for name, kind in typing.get_type_hints(function).items() if name != "return"}
    for values in itertools.product(*(VALUES[kind] for kind in types.values())):
        try:
            yield function(**dict(zip(types, values, strict=True)))
        except ValueError:
            continue  # refused, as it should be
