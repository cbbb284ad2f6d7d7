"""--config and --store, which every verb has: added to each in one place, so that no verb repeats them.

Both only set environment variables, from which all settings are read.
"""

import functools
import inspect
import os
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from dotenv.parser import parse_stream

from headrace.cli.output import CliError
from headrace.runtime.settings import variable

ConfigOption = Annotated[
    str | None, typer.Option("--config", help="A file of HEADRACE_X=value lines; the environment wins over it.")
]
StoreOption = Annotated[str | None, typer.Option("--store", help="The store's hash.")]


def add_shared_options(app: typer.Typer) -> None:
    """Gives each verb of the application, at any depth, the options that it does not have itself."""
    for group in app.registered_groups:
        if group.typer_instance is not None:
            add_shared_options(group.typer_instance)
    for command in app.registered_commands:
        if command.callback is not None:
            command.callback = _with_options(command.callback)


def _with_options(verb: Callable[..., Any]) -> Callable[..., Any]:
    hints = typing.get_type_hints(verb, include_extras=True)
    signature = inspect.signature(verb)
    taken = {name for hint in hints.values() for name in _declared(hint)} | set(signature.parameters)
    added = {
        name: (annotation, use)
        for name, annotation, use in (("config", ConfigOption, _use_config), ("store", StoreOption, _use_store))
        if name not in taken and f"--{name}" not in taken
    }

    @functools.wraps(verb)
    def run(*args: Any, **given: Any) -> Any:
        for name, (_, use) in added.items():
            use(given.pop(name, None))
        return verb(*args, **given)

    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, (annotation, _) in added.items()
    ]
    shown = [each.replace(annotation=hints.get(each.name, each.annotation)) for each in signature.parameters.values()]
    run.__dict__["__signature__"] = signature.replace(parameters=[*shown, *parameters])
    run.__annotations__ = {**hints, **{name: annotation for name, (annotation, _) in added.items()}}
    return run


def _declared(hint: Any) -> set[str]:
    """The option names that an annotation declares; typer keeps the first one under `default`."""
    return {
        name
        for extra in getattr(hint, "__metadata__", ())
        for name in (getattr(extra, "default", None), *(getattr(extra, "param_decls", None) or ()))
        if isinstance(name, str)
    }


def _use_config(path: str | None) -> None:
    if path is None:
        return
    if not Path(path).is_file():
        raise CliError("usage", f"--config: no such file: {path}", hint="name a file of HEADRACE_X=value lines")
    given = dict(os.environ)
    for name, setting in _read_config(path):
        if not _is_given(name, given):
            os.environ[name] = setting


def _is_given(name: str, environment: Mapping[str, str]) -> bool:
    """Whether the environment says this already: as X, or by the file that X_FILE names; an empty one says nothing."""
    plain = name.removesuffix("_FILE")
    return any(environment.get(each) for each in (plain, f"{plain}_FILE"))


def _read_config(path: str) -> list[tuple[str, str]]:
    """The file's settings; a line that is none is an error at its place, as it would be missed silently."""
    found = []
    try:
        with Path(path).open(encoding="utf-8") as stream:
            for line in parse_stream(stream):
                if line.error or (line.key is not None and line.value is None):
                    raise CliError(
                        "bad_config",
                        "not a setting",
                        hint="write HEADRACE_X=value, or # before a comment",
                        file=path,
                        line=line.original.line,
                    )
                if line.key is not None and line.value is not None:
                    found.append((line.key, line.value))
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise CliError("bad_config", f"cannot be read: {cause}", hint="name a file of text", file=path) from error
    return found


def _use_store(store: str | None) -> None:
    if store is not None:
        os.environ[variable("store")] = store
