"""Money: integer minor units inside, `Decimal` at the edges, never float."""

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

# ISO 4217 currencies whose minor unit is not a hundredth.
_EXPONENTS = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}


def exponent(currency: str) -> int:
    """Digits of the minor unit of an ISO 4217 code: 2 for GBP, 0 for JPY."""
    return _EXPONENTS.get(currency, 2)


def to_minor(amount: Decimal | str | int, currency: str) -> int:
    """Minor units of an amount in major units, rounded half up.

    Raises ValueError for what is not a finite decimal number.
    """
    try:
        value = Decimal(amount)
    except InvalidOperation as error:
        raise ValueError(f"not an amount: {amount!r}") from error
    if not value.is_finite():
        raise ValueError(f"not an amount: {amount!r}")
    return int(value.scaleb(exponent(currency)).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def from_minor(amount_minor: int, currency: str) -> Decimal:
    """The amount in major units, with all its digits: 1050 GBP is Decimal('10.50')."""
    return Decimal(amount_minor).scaleb(-exponent(currency))


def format_money(amount_minor: int, currency: str) -> str:
    """For people: `1,050.00 GBP`."""
    return f"{from_minor(amount_minor, currency):,} {currency}"
