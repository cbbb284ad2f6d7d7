"""`python -m services.ingest receive|hydrate|feed|clock|suppressions [--backfill]`."""

import argparse
import os
import sys
from typing import NoReturn

from headrace.runtime.process import run_service_of_stores
from services.ingest import stores
from services.ingest.bootstrap import run_feed, run_hydrate, run_receive
from services.ingest.own_clock import run_clock
from services.ingest.suppressions import run_suppressions


def main() -> NoReturn:
    """Starts the process, or what a verb of `headrace` asks for, that the first argument names."""
    if sys.argv[1:2] == ["hooks"]:
        from services.ingest.hook_verb import run_verb  # noqa: PLC0415

        sys.exit(run_verb(sys.argv[2:]))
    if sys.argv[1:2] == ["import"]:
        from services.ingest.importing.verb import run_verb  # noqa: PLC0415

        sys.exit(run_verb(sys.argv[2:]))
    parser = argparse.ArgumentParser(prog="python -m services.ingest")
    parser.add_argument("process", choices=("receive", "hydrate", "feed", "clock", "suppressions"))
    parser.add_argument("--backfill", action="store_true", help="feed: bring in the store's past first")
    arguments = parser.parse_args()
    if arguments.backfill:
        os.environ["HEADRACE_BACKFILL"] = "1"
    if arguments.process == "receive":
        run_service_of_stores("receive", stores.of_receive, run_receive)
    if arguments.process == "hydrate":
        run_service_of_stores("hydrate", stores.of_hydrate, stores.in_lanes(run_hydrate))
    if arguments.process == "clock":
        why = "have a feed, which writes their clock"
        run_service_of_stores("clock", stores.of_clock, stores.in_lanes(run_clock), left_out_for=why)
    if arguments.process == "suppressions":
        run_service_of_stores("suppressions", stores.of_suppressions, stores.in_lanes(run_suppressions))
    run_service_of_stores("feed", stores.of_feed, stores.in_lanes(run_feed))


main()
