"""One company, however it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.model import Leaf, Operand, fold
from headrace.segmentation.conditions.company import compile_test, plain

ALIASES = {"acme": ("acme corporation", "acme intl"), "bluebird": ("blue bird trading",)}


def holds(operator: str, operand: Operand, company: str | None) -> bool:
    leaf = Leaf(field="customer.company", operator=operator, operand=operand)
    return compile_test(leaf, ALIASES)(None if company is None else fold(company))


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Acme", "acme"),
        ("ACME, Inc.", "acme"),
        ("Acme  Ltd", "acme"),
        ("Acme Limited", "acme"),
        ("Acme Pty. Ltd.", "acme"),
        ("Müller GmbH & Co. KG", "muller"),
        ("Société Générale S.A.", "societe generale"),
        ("Marks & Spencer plc", "marks & spencer"),
        ("Smith and Co", "smith"),
        ("The Limited Edition", "the limited edition"),
        ("Co", "co"),
        ("Ltd.", "ltd"),
        ("L.L.C.", "llc"),
        ("Wal-Mart Stores, Inc", "wal mart stores"),
        ("", ""),
    ],
)
def test_plain__legal_forms__left_out_at_the_end_only(written: str, name: str) -> None:
    assert plain(fold(written)) == name


@given(st.text(max_size=30))
def test_plain__any_name__once_is_enough(name: str) -> None:
    assert plain(plain(fold(name))) == plain(fold(name))


@pytest.mark.parametrize(
    ("operator", "operand", "company", "expected"),
    [
        ("is", "acme", "ACME Intl., Inc.", True),
        ("is", "acme intl", "Acme", True),
        ("is", "acme ltd", "Acme Corporation", True),
        ("is", "acme", "Acme Foods", False),
        ("is", "acme", None, False),
        ("is_not", "acme", "ACME Intl", False),
        ("is_not", "acme", None, True),
        ("in", ("bluebird", "other"), "Blue Bird Trading LLC", True),
        ("not_in", ("bluebird",), "Blue Bird Trading LLC", False),
        ("contains", "acme inc", "Acme, Inc", True),
        ("contains", "corporation", "Acme Corporation", True),
        ("contains", "ltd", "Foo Ltd", True),
        ("contains", "acme", "ACMEX", True),
        ("contains", "acme", "Bluebird", False),
        ("starts_with", "bluebird", "Blue Bird Trading", True),
        ("ends_with", "inc.", "Foo Inc.", True),
        ("ends_with", "foo", "Foo Inc.", True),
        ("matches", "^acme$", "ACME Intl", True),
        ("matches", "corp", "Acme Corporation", True),
        ("is_set", None, "Acme", True),
        ("is_unset", None, None, True),
    ],
)
def test_compile_test__spellings__one_company(
    operator: str, operand: Operand, company: str | None, expected: bool
) -> None:
    assert holds(operator, operand, company) is expected


def test_compile_test__unknown_operator__is_another_releases() -> None:
    with pytest.raises(ValueError, match="no operator"):
        compile_test(Leaf(field="customer.company", operator="within", operand="x"), {})
