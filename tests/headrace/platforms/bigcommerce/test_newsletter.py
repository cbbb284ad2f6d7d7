"""A row is no consent."""

from headrace.platforms import bigcommerce


def test_subscribed__a_row_without_consents__is_no_consent() -> None:
    assert bigcommerce.subscribed({"consents": ["marketing_newsletter"]})
    assert not bigcommerce.subscribed({"consents": ["abandoned_cart"]})
    assert not bigcommerce.subscribed({"consents": None})


def test_update_subscriber__no_consents__is_an_unsubscription() -> None:
    request = bigcommerce.update_subscriber(3, [])
    assert (request.method, request.path, request.json) == ("PUT", "/v3/customers/subscribers/3", {"consents": []})
    assert bigcommerce.create_subscriber("a@x.example", ["marketing_newsletter"]).may_repeat
