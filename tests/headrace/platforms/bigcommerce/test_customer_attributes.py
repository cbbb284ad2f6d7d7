"""Reading and writing name the value differently."""

from headrace.platforms import bigcommerce


def test_upsert_attribute_values__write_side__names_the_field_value() -> None:
    request = bigcommerce.upsert_attribute_values([(1, 2, ";a;")])
    assert request.json == [{"attribute_id": 1, "customer_id": 2, "value": ";a;"}]
    assert request.may_repeat
