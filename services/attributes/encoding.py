"""Many values in the one string a BigCommerce customer attribute holds: `;country=France;interests=apple;`.

Pure; who writes it where is `mirror`'s matter.
"""

from collections.abc import Iterable, Mapping
from typing import Final

MAX_CHARACTERS: Final = 255
"""BigCommerce's limit for an attribute's value."""


def encode_values(values: Mapping[str, Iterable[str]]) -> str:
    """Sorted tokens between semicolons, "" for none. A semicolon inside a value is written %3B."""
    tokens = sorted({f"{name}={value}".replace(";", "%3B") for name, several in values.items() for value in several})
    return f";{';'.join(tokens)};" if tokens else ""


def fits(text: str) -> bool:
    """False when the store cannot hold it: then its own value is left as it is."""
    return len(text) <= MAX_CHARACTERS
