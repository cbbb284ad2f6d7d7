"""What a merchant says of an attribute: which values it may have, and where in the store it is mirrored. Pure.

Where definitions are kept is `definition_table`'s matter; what they lead to in the store, `layout`'s.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

Mirror = Literal["together", "store_attribute", "metafield", "none"]
"""`together`: in the one store attribute with all others; `store_attribute`: in one of its own; `metafield`; `none`."""


@dataclass(frozen=True, slots=True)
class Definition:
    """`allowed` None: any value. Values are compared as they are spelled: a theme looks for exactly that text."""

    name: str
    allowed: tuple[str, ...] | None = None
    mirror: Mirror = "together"

    def allows(self, value: str) -> bool:
        """True for a value that may be set by hand and is mirrored."""
        return self.allowed is None or value in self.allowed

    def refused(self, values: Iterable[str]) -> tuple[str, ...]:
        """Those it does not allow, in their order."""
        return tuple(value for value in values if not self.allows(value))


Definitions = Mapping[str, Definition]
"""By name; what nobody defined is not in it."""
NONE: Final[Definitions] = {}


def definition_of(definitions: Definitions, name: str) -> Definition:
    """The merchant's, or the default: any value, mirrored together with all others."""
    return definitions.get(name) or Definition(name)
