"""A verb whose work is a service's: starts it as a child of the same interpreter and takes its one JSON object.

The child's stderr is ours; what it says is turned into this verb's result or error.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from headrace.cli.output import EXIT_UNAVAILABLE, CliError
from headrace.runtime.settings import variable

_ROOT: Final = Path(__file__).resolve().parents[2]


def ask_service(module: str, *words: str) -> tuple[dict[str, Any], int]:
    """The object that `python -m <module> <words>` printed, and its exit code. Raises CliError with what it refused."""
    if not (_ROOT / module.replace(".", "/")).is_dir():
        raise CliError(
            "no_checkout",
            "the services are not part of the installed package",
            hint="run this verb in the image or in a checkout of the repository",
            exit_code=EXIT_UNAVAILABLE,
        )
    environment = {
        **os.environ,
        variable("parent_pid"): str(os.getpid()),  # it must not go on, and perhaps promote, when we are killed
        "PYTHONPATH": os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH")))),
    }
    with subprocess.Popen([sys.executable, "-m", module, *words], env=environment, stdout=subprocess.PIPE) as child:
        try:
            said, _ = child.communicate()
        except KeyboardInterrupt:  # the terminal has told the child too
            child.wait()
            raise
    return _object(said, child.returncode), child.returncode


def _object(said: bytes, code: int) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(said)
    except ValueError:
        if code in (130, -2):
            raise KeyboardInterrupt from None
        raise CliError(
            "service_failed", f"the service ended with {code} and said nothing", hint="its log is above", exit_code=1
        ) from None
    if error := found.get("error"):
        place = {name: error.get(name) for name in ("file", "line")}
        raise CliError(error["code"], error["message"], hint=error["hint"], exit_code=code, **place)
    return found
