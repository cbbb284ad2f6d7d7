"""Starts action consumers: `python -m services.actions group`, `email-tags --platform mailchimp`, or both at once."""

import argparse
import sys
from collections.abc import Sequence

from headrace.runtime.process import run_service
from services.actions.bootstrap import EMAIL_TAGS, GROUP, main_of, settings_for


def parse(arguments: Sequence[str]) -> list[str]:
    """The kinds to run. Ends the process with code 2 and a usage line for what it does not know."""
    parser = argparse.ArgumentParser(prog="python -m services.actions", description=__doc__)
    parser.add_argument("kinds", nargs="+", choices=(GROUP, EMAIL_TAGS), help="what this process performs")
    parser.add_argument("--platform", choices=("mailchimp",), help="whose tags (with email-tags)")
    options = parser.parse_args(arguments)
    if EMAIL_TAGS in options.kinds and options.platform is None:
        parser.error("email-tags needs --platform")
    return list(options.kinds)


if __name__ == "__main__":
    kinds = parse(sys.argv[1:])
    name = kinds[0] if len(kinds) == 1 else "actions"
    run_service(f"actions-{name}" if name != "actions" else name, settings_for(kinds), main_of(kinds))
