"""The Kafka library's logs: the same line only now and then."""

import logging

from headrace.runtime.quiet import EVERY_S, Seldom


def line(template: str, name: str = "aiokafka.conn") -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "f", 1, template, (), None)


def test_seldom__same_template__once_in_a_while() -> None:
    now = 100.0
    seldom = Seldom(clock=lambda: now)
    assert seldom.filter(line("away %s"))
    assert not seldom.filter(line("away %s"))
    assert seldom.filter(line("another"))
    now += EVERY_S
    assert seldom.filter(line("away %s"))


def test_seldom__other_libraries__always_pass() -> None:
    seldom = Seldom()
    assert all(seldom.filter(line("away %s", "uvicorn")) for _ in range(3))
