"""Starts action consumers: `python -m services.actions group`, `email-tags --platform mailchimp`, or more."""

import argparse
import sys
from collections.abc import Sequence

from headrace.runtime.process import run_service_of_stores
from services.actions.bootstrap import EFFECTS, EMAIL_TAGS, GROUP, choose_for, kinds_of, main_of
from services.actions.email_tags.platforms import PLATFORMS


def parse(arguments: Sequence[str]) -> list[str]:
    """The kinds to run. Ends the process with code 2 and a usage line for what it does not know."""
    parser = argparse.ArgumentParser(prog="python -m services.actions", description=__doc__)
    parser.add_argument("kinds", nargs="+", choices=(GROUP, EMAIL_TAGS, EFFECTS), help="what this process performs")
    parser.add_argument(
        "--platform", action="append", choices=sorted(PLATFORMS), help="whose tags (with email-tags); may be repeated"
    )
    options = parser.parse_args(arguments)
    if EMAIL_TAGS in options.kinds and not options.platform:
        parser.error("email-tags needs --platform")
    return kinds_of(options.kinds, options.platform or ())


if __name__ == "__main__":
    kinds = parse(sys.argv[1:])
    name = kinds[0].replace(".", "-") if len(kinds) == 1 else ""
    run_service_of_stores(f"actions-{name}" if name else "actions", choose_for(kinds), main_of(kinds))
