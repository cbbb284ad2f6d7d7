"""Faust's own logs kept short: warnings and worse, and those about our recovery only every so often.

What every process keeps short is in `headrace.runtime.quiet`.
"""

import logging
from typing import Final

from headrace.runtime.quiet import Seldom

_WARN: Final = ("faust", "mode", "aiokafka")
_REPEATING: Final = "services.evaluator.engine.table"


def quieten() -> None:
    """For this process; the root logger is left as it is."""
    for name in _WARN:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger(_REPEATING).addFilter(Seldom(_REPEATING))
