"""The `headrace` command: finds the verbs, and turns every way a verb can end into an exit code.

A verb is one file with `register(app)`; what it does stands there.
"""

import importlib
import os
import sys
from typing import Final

import typer

from headrace.cli.output import EXIT_INTERRUPTED, EXIT_UNAVAILABLE, EXIT_USAGE, CliError, begin_output, show_error
from headrace.cli.shared_options import add_shared_options
from headrace.runtime.dependency import DependencyError
from headrace.runtime.logs import configure_logs
from headrace.runtime.settings import SettingsError, variable

VERBS: Final = (
    "version",
    "kafka",
    "topics",
    "dev",
    "demo",
    "lint",
    "apply",
    "attributes",
    "dead_letters",
)
"""Modules of `headrace.cli`, in the order of the help."""


def build_app() -> typer.Typer:
    """The application with all verbs."""
    app = typer.Typer(
        help="Headrace keeps every customer of a BigCommerce store in the right group, from a log of events on Kafka.",
        no_args_is_help=False,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for name in VERBS:
        importlib.import_module(f"headrace.cli.{name}").register(app)
    add_shared_options(app)
    return app


def run(arguments: list[str] | None = None) -> None:
    """The console script: runs one verb and exits."""
    sys.exit(execute(sys.argv[1:] if arguments is None else arguments))


def execute(arguments: list[str]) -> int:
    """Runs one verb; its exit code as `interface.md` says. Errors are printed."""
    configure_logs("cli", os.environ.get(variable("log_level")) or "info", human=sys.stderr.isatty())
    as_json = "--json" in arguments
    begin_output()
    try:
        code = build_app()(arguments or ["--help"], prog_name="headrace", standalone_mode=False)
    except CliError as error:
        show_error(error, json=as_json)
        return error.exit_code
    except DependencyError as error:
        show_error(CliError(error.code, error.message, hint=error.hint), json=as_json)
        return EXIT_UNAVAILABLE
    except SettingsError as error:
        show_error(_settings_error(error), json=as_json)
        return EXIT_USAGE
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        usage = _usage_error(error)
        if usage is None:
            raise
        show_error(usage, json=as_json)
        return EXIT_USAGE
    return code if isinstance(code, int) else 0


def _settings_error(error: SettingsError) -> CliError:
    problems = "; ".join(f"{name} {problem}" for name, problem in error.problems.items())
    return CliError("settings", f"settings: {problems}", hint="set them in the environment or in a --config file")


def _usage_error(error: Exception) -> CliError | None:
    """The command-line parser's own errors, which have no public type."""
    message = getattr(error, "format_message", None)
    if message is None:
        return None
    return CliError("usage", str(message()), hint="see --help")


if __name__ == "__main__":
    run()
