"""A row is no consent."""

from headrace.platforms import bigcommerce


def test_subscribed__a_row_without_consents__is_no_consent() -> None:
    assert bigcommerce.subscribed({"consents": ["marketing_newsletter"]})
    assert not bigcommerce.subscribed({"consents": ["abandoned_cart"]})
    assert not bigcommerce.subscribed({"consents": None})
