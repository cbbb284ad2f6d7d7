"""Ordering and using up faults."""

import pytest

from headrace.simulators.faults import Faults


def test_fault__matched__is_used_up() -> None:
    faults = Faults()
    faults.order([{"match": {"method": "put", "path": "/v3/customers"}, "reply": {"status": 503}, "times": 2}])
    assert faults.take("bigcommerce", "GET", "/v3/customers") is None
    assert faults.take("bigcommerce", "PUT", "/v2/orders") is None
    found = [faults.take("bigcommerce", "PUT", "/v3/customers/attribute-values") for _ in range(3)]
    assert [fault is not None for fault in found] == [True, True, False]
    assert faults.waiting == []


def test_fault__times_null__stays_until_cleared() -> None:
    faults = Faults()
    faults.order([{"reply": {"status": 500, "body": {"a": 1}}, "times": None}])
    for _ in range(5):
        fault = faults.take("mailchimp", "GET", "/3.0/ping")
        assert fault is not None
        answer = fault.answer()
        assert answer is not None
        assert answer.body == b'{"a":1}'
    faults.clear()
    assert faults.take("mailchimp", "GET", "/3.0/ping") is None


def test_fault__of_one_vendor__spares_the_other() -> None:
    faults = Faults()
    faults.order([{"match": {"vendor": "mailchimp"}, "reply": {"delay_s": 1}}])
    assert faults.take("bigcommerce", "GET", "/v2/orders") is None
    fault = faults.take("mailchimp", "GET", "/3.0/ping")
    assert fault is not None
    assert fault.answer() is None


def test_fault__match_by_a_word__is_a_vendor() -> None:
    faults = Faults()
    faults.order([{"match": "smtp", "reply": {"status": 421, "pause": "x", "drip_s": 0.5, "size": 9}}])
    assert faults.take("sendgrid", "POST", "/v3/mail/send") is None
    fault = faults.take("smtp", "CONNECT", "127.0.0.1")
    assert fault is not None
    assert (fault.status, fault.pause, fault.drip_s, fault.size) == (421, "x", 0.5, 9)


@pytest.mark.parametrize("entry", ["text", {"match": 5}, {"reply": {"status": "x"}}])
def test_fault__nonsense__is_refused(entry: object) -> None:
    with pytest.raises(ValueError, match="."):
        Faults().order([entry])  # type: ignore[list-item]
