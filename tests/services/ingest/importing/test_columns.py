"""Which header means which column."""

import pytest

from services.ingest.importing.columns import BadHeader, field_of, read_header


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("customer", "customer"),
        ("Customer ID", "customer"),
        ("CUSTOMER_ID", "customer"),
        ("e-mail", "email"),
        ("Ordered-At", "ordered_at"),
        ("Unit price", "price"),
        ("attribute.Tier", "attribute.Tier"),
        ("Attribute. Sales rep ", "attribute.Sales rep"),
        ("attribute.", None),
        ("Debitor", None),
    ],
)
def test_field_of__header__in_any_spelling(header: str, field: str | None) -> None:
    assert field_of(header) == field


def test_read_header__mapped_and_unknown__found_and_left_out() -> None:
    header = read_header(["Debitor", "Klasse", "Notiz"], {"debitor": "customer", "Klasse": "attribute.tier"})
    assert header.fields == ("customer", "attribute.tier", None)
    assert header.written == {"customer": "Debitor", "attribute.tier": "Klasse"}
    assert header.ignored == ("Notiz",)


@pytest.mark.parametrize(
    ("written", "mapping", "message"),
    [
        (["kind"], {}, "who the customer is"),
        (["customer", "Customer ID"], {}, "both mean customer"),
        (["customer"], {"Debitor": "customer"}, "no column 'Debitor'"),
        (["Debitor"], {"Debitor": "client"}, "no column 'client'"),
    ],
)
def test_read_header__cannot_be_read__says_what_to_do(
    written: list[str], mapping: dict[str, str], message: str
) -> None:
    with pytest.raises(BadHeader, match=message) as caught:
        read_header(written, mapping)
    assert caught.value.hint
