"""The `headrace` command: finds the verbs, and turns every way a verb can end into an exit code.

A verb is one file with `register(app)`; what it does stands there.
"""

import importlib
import logging
import os
import sys
import traceback
from typing import Final, get_args

import typer

from headrace.cli.output import (
    EXIT_FINDINGS,
    EXIT_INTERRUPTED,
    EXIT_UNAVAILABLE,
    EXIT_USAGE,
    CliError,
    begin_output,
    show_error,
)
from headrace.cli.shared_options import add_shared_options
from headrace.runtime.dependency import DependencyError
from headrace.runtime.logs import configure_logs
from headrace.runtime.settings import LogLevel, SettingsError, settings_hint, variable

VERBS: Final = (
    "version",
    "kafka",
    "topics",
    "dev",
    "demo",
    "lint",
    "test",
    "template",
    "plan",
    "apply",
    "rules",
    "replay",
    "state",
    "explain",
    "history",
    "pin",
    "audit",
    "groups",
    "hooks",
    "attributes",
    "import_file",
    "backfill",
    "outcomes",
    "dead_letters",
    "effects",
    "sinks",
    "consume",
    "consumer",
    "bench",
)
"""Modules of `headrace.cli`, in the order of the help."""
_MODULES: Final = {"import": "import_file", "unpin": "pin"}
"""Of verbs that are not named like their module."""


def build_app(asked: str = "") -> typer.Typer:
    """The application with all verbs; with the one that is asked for alone, which imports much less."""
    app = typer.Typer(
        help="Headrace keeps every customer of a BigCommerce store in the right group, from a log of events on Kafka.",
        no_args_is_help=False,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    module = _MODULES.get(asked, asked.replace("-", "_"))
    for name in (module,) if module in VERBS else VERBS:
        importlib.import_module(f"headrace.cli.{name}").register(app)
    add_shared_options(app)
    app.callback()(lambda: None)  # one verb alone is a verb all the same
    return app


def run(arguments: list[str] | None = None) -> None:
    """The console script: runs one verb and exits."""
    sys.exit(execute(sys.argv[1:] if arguments is None else arguments))


def execute(arguments: list[str]) -> int:
    """Runs one verb; its exit code as `interface.md` says. Errors are printed."""
    as_json = "--json" in arguments
    begin_output()
    try:
        _configure_logs()
        app = build_app(next(iter(arguments), ""))
        code = app(arguments or ["--help"], prog_name="headrace", standalone_mode=False)
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
        return _other_error(error, as_json=as_json)
    return code if isinstance(code, int) else 0


def _configure_logs() -> None:
    name = variable("log_level")
    level = os.environ.get(name) or "info"
    if level not in get_args(LogLevel):
        raise SettingsError({name: f"should be one of {', '.join(get_args(LogLevel))}"})
    configure_logs("cli", level, human=sys.stderr.isatty())
    # What it logs as an error comes to us as an exception, and is told once.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def _settings_error(error: SettingsError) -> CliError:
    problems = "; ".join(f"{name} {problem}" for name, problem in error.problems.items())
    hint = settings_hint(error)
    if variable("kafka_bootstrap_servers") in error.problems:
        hint += "; `headrace kafka up --detach` starts a local Kafka that is then found"
    return CliError("settings", f"settings: {problems}", hint=hint)


def _other_error(error: Exception, *, as_json: bool) -> int:
    """The command-line parser's own errors, which have no public type; anything else is a defect of ours."""
    format_message = getattr(error, "format_message", None)
    if format_message is None:
        traceback.print_exception(error)
        message = f"{type(error).__name__}: {error}"
        show_error(CliError("unexpected", message, hint="a defect of headrace: report the lines above"), json=as_json)
        return EXIT_FINDINGS
    verb = getattr(getattr(error, "ctx", None), "command_path", "headrace")
    if message := str(format_message()):  # none: a group without a verb has shown its help
        show_error(CliError("usage", message, hint=f"see `{verb} --help`"), json=as_json)
    return EXIT_USAGE


if __name__ == "__main__":
    run()
