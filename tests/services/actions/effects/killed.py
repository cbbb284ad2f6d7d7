"""The real consumer of effects, killed by itself with SIGKILL at an exact place: `python -m ...killed effects`.

`KILLED_AT`: `claimed`, the rows say that it is under way and no call has begun; `answered`, the vendor's answer is here
and no row says so. What runs is `services.actions` as it is; only how a call is begun is watched.
"""

import os
import runpy
import signal
from typing import Any

from headrace.consumer.effects import loop, sending


async def _watched(*given: Any, **named: Any) -> sending.Ended:
    if os.environ["KILLED_AT"] == "answered":
        await sending.send(*given, **named)
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("dead")


if __name__ == "__main__":
    vars(loop)["send"] = _watched
    runpy.run_module("services.actions", run_name="__main__", alter_sys=True)
