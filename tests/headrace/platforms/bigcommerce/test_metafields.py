"""Metafields are made with their names and changed by id, ten at a time."""

import pytest

from headrace.platforms import bigcommerce
from headrace.platforms.bigcommerce import Metafield


def test_create_metafields__values__each_with_its_name() -> None:
    request = bigcommerce.create_metafields("headrace", "tags", [(5, "a")])
    named = {"namespace": "headrace", "key": "tags", "permission_set": "read"}
    assert request.json == [{"resource_id": 5, "value": "a", **named}]


@pytest.mark.parametrize(("namespace", "value"), [("n" * 65, "a"), ("", "a"), ("n", ""), ("n", "a" * 65_536)])
def test_create_metafields__beyond_the_limits__is_refused_here(namespace: str, value: str) -> None:
    with pytest.raises(ValueError, match="1 to"):
        bigcommerce.create_metafields(namespace, "tags", [(5, value)])


def test_metafield_of__a_row__none_when_something_is_missing() -> None:
    row = {"id": 1, "resource_id": 5, "namespace": "headrace", "key": "tags", "value": "a"}
    assert bigcommerce.metafield_of(row) == Metafield(1, 5, "headrace", "tags", "a")
    assert [bigcommerce.metafield_of({**row, name: None}) for name in row] == [None] * 5
