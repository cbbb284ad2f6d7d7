"""Who took work on says until when it may send; who sends asks."""

import math
import time

from headrace.runtime.deadline import sending_until, time_to_send, write_sent


def test_time_to_send__nobody_set_a_limit__is_infinite() -> None:
    write_sent()
    assert time_to_send() == math.inf


def test_sending_until__inside__counts_down_and_counts_writes() -> None:
    with sending_until(time.monotonic() + 5) as sending:
        write_sent()
        assert 4 < time_to_send() <= 5
        with sending_until(time.monotonic() - 1) as inner:
            assert time_to_send() < 0
        assert (sending.writes, inner.writes) == (1, 0)
    assert time_to_send() == math.inf
