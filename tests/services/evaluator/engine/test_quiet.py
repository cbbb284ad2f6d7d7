"""The libraries' logs: the same line only now and then."""

import logging

from services.evaluator.engine.quiet import EVERY_S, Seldom


def line(template: str) -> logging.LogRecord:
    return logging.LogRecord("x", logging.ERROR, "f", 1, template, (), None)


def test_seldom__same_template__once_in_a_while() -> None:
    now = 100.0
    seldom = Seldom(lambda: now)
    assert seldom.filter(line("away %s"))
    assert not seldom.filter(line("away %s"))
    assert seldom.filter(line("another"))
    now += EVERY_S
    assert seldom.filter(line("away %s"))
