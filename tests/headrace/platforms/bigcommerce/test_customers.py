"""Customers are written ten at a time."""

import pytest

from headrace.platforms import bigcommerce


def test_update_customer_groups__up_to_ten__one_call() -> None:
    request = bigcommerce.update_customer_groups([(5, 2), (6, 0)])
    assert request.json == [{"id": 5, "customer_group_id": 2}, {"id": 6, "customer_group_id": 0}]
    for count in (0, 11):
        with pytest.raises(ValueError, match="1 to 10"):
            bigcommerce.update_customer_groups([(1, 1)] * count)
