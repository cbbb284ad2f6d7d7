"""`python -m services.ingest receive|hydrate|feed [--backfill]`."""

import argparse
import os
from typing import NoReturn

from headrace.runtime.process import run_service


def main() -> NoReturn:
    """Starts the process that the first argument names."""
    parser = argparse.ArgumentParser(prog="python -m services.ingest")
    parser.add_argument("process", choices=("receive", "hydrate", "feed"))
    parser.add_argument("--backfill", action="store_true", help="feed: bring in the store's past first")
    arguments = parser.parse_args()
    if arguments.backfill:
        os.environ["HEADRACE_BACKFILL"] = "1"
    _run(arguments.process)


def _run(process: str) -> NoReturn:
    # One process needs only its own part: each import costs start-up time and memory.
    if process == "receive":
        from services.ingest.bootstrap import run_receive
        from services.ingest.settings import ReceiveSettings

        run_service("receive", ReceiveSettings, run_receive)
    if process == "hydrate":
        from services.ingest.bootstrap_readers import run_hydrate
        from services.ingest.settings import HydrateSettings

        run_service("hydrate", HydrateSettings, run_hydrate)
    from services.ingest.bootstrap_readers import run_feed
    from services.ingest.settings import FeedSettings

    run_service("feed", FeedSettings, run_feed)


main()
