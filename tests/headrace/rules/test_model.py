"""How text is compared."""

import pytest

from headrace.rules.model import fold


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("  Café   du  Nord ", "cafe du nord"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("\U0001d50d", "j"),
        ("\ufb01", "fi"),
    ],
)
def test_fold__text__as_it_is_compared(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_fold__every_character__folded_again_stays() -> None:
    characters = map(chr, [*range(0xD800), *range(0xE000, 0x110000)])
    assert [character for character in characters if fold(fold(character)) != fold(character)] == []
