"""Fills templates in a process of its own, with hard limits: whatever a template does, it does it here.

Run as a script with the folder as its argument; of this project it knows nothing. It says `ready`, then reads a line of
JSON (`file`, `values`; `check` where what a rule passes is not known) and writes one: `subject`, `html`, `text`, or
`problem` with `file` and `line`. A template that computes too long ends the process by SIGPROF.
"""

import json
import re
import resource
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import ChainableUndefined, StrictUndefined, TemplateNotFound
from jinja2.sandbox import ImmutableSandboxedEnvironment

FILE_LIMIT_BYTES = 256 * 1024
OUTPUT_LIMIT_CHARACTERS = 256 * 1024
MEMORY_LIMIT_BYTES = 256 * 1024 * 1024
COMPUTING_LIMIT_S = 1.0
SUBJECT_LIMIT = 200
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}")
_SOURCES: dict[str, str] = {}
"""What was read of each file."""
_HEAD = re.compile(r"([A-Za-z-]+):[ \t]*(.*)")
_QUOTED = re.compile(r"'([^']*)'(?! object)")


class Problem(Exception):
    """What is wrong, for who wrote the template."""

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(message)
        self.file = file
        self.line = line


class Sandbox(ImmutableSandboxedEnvironment):
    """No names that begin with an underscore, no chance, and files of one folder only."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            loader=jinja2.FunctionLoader(lambda name: load(folder, name)),
            undefined=StrictUndefined,
            autoescape=lambda name: bool(name) and str(name).endswith(".html"),
            auto_reload=True,
            cache_size=100,
            keep_trailing_newline=True,
        )
        self.globals = {"range": self.globals["range"], "namespace": self.globals["namespace"]}
        del self.filters["random"]

    def getattr(self, obj: Any, attribute: str) -> Any:
        """What a mapping holds comes before what it can do: `with.items` is the rule's."""
        return obj[attribute] if isinstance(obj, dict) and attribute in obj else super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return not attr.startswith("_") and super().is_safe_attribute(obj, attr, value)


def load(folder: Path, name: str) -> tuple[str, str, Any]:
    """A file's text for Jinja: its head lines are emptied, so that lines keep their numbers."""
    path = path_of(folder, name)
    text = read(path)
    _, body = split(text, name)
    stamp = (path.stat().st_mtime_ns, path.stat().st_size)
    return body, name, lambda: path.exists() and (path.stat().st_mtime_ns, path.stat().st_size) == stamp


def path_of(folder: Path, name: str) -> Path:
    """Where a file of the folder is. Raises TemplateNotFound for what is not in it, or leads out of it."""
    path = folder / name
    if not NAME.fullmatch(name) or path.resolve().parent != folder.resolve() or not path.is_file():
        raise TemplateNotFound(name)
    return path


def read(path: Path) -> str:
    """Raises Problem for what is too large, or no text."""
    if path.stat().st_size > FILE_LIMIT_BYTES:
        raise Problem(path.name, 1, "the file is larger than 256 KiB")
    try:
        text = _SOURCES[path.name] = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Problem(path.name, 1, "the file is not UTF-8 text: save it as UTF-8") from None
    return text


def split(text: str, file: str) -> tuple[dict[str, tuple[int, str]], str]:
    """Head lines (`Subject: ...` up to an empty line), each with its line, and the body on the lines it has."""
    lines = text.splitlines(keepends=True)
    if not lines or not lines[0].lower().startswith("subject:"):
        return {}, text
    heads: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            return heads, "\n" * number + "".join(lines[number:])
        match = _HEAD.fullmatch(line.rstrip("\r\n"))
        if match is None or match[1].lower() != "subject" or "subject" in heads:
            raise Problem(file, number, "above the empty line stands one line, `Subject: ...`")
        heads["subject"] = (number, match[2].strip())
    raise Problem(file, len(lines), "nothing stands below the subject: write an empty line, then the mail")


def fill(environment: Sandbox, folder: Path, asked: Mapping[str, Any]) -> dict[str, str]:
    """Subject, HTML and text of the template `file`; `html` or `text` is missing where there is no such file."""
    name, values = asked["file"], dict(asked["values"])
    if asked.get("check"):
        values["with"] = ChainableUndefined()
    files = [file for file in (f"{name}.html", f"{name}.txt") if NAME.fullmatch(file) and (folder / file).is_file()]
    if not files:
        raise Problem(f"{name}.html", 1, f"there is no {name}.html or {name}.txt in the folder of templates")
    found, subject = {}, None
    for file in files:
        heads, _ = split(read(path_of(folder, file)), file)
        if "subject" in heads and subject is None:
            subject = _subject(environment, file, *heads["subject"], values)
        found["html" if file.endswith(".html") else "text"] = _told(environment, file, values).strip("\r\n") + "\n"
    if not subject:
        raise Problem(files[0], 1, "there is no subject: begin the file with `Subject: ...` and an empty line")
    return {"subject": subject, **found}


def _subject(environment: Sandbox, file: str, line: int, source: str, values: Mapping[str, Any]) -> str:
    try:
        template = environment.from_string("\n" * (line - 1) + source)
        told = " ".join("".join(_limited(template.generate(values), file)).split())
    except Exception as error:
        raise as_problem(error, file, only=line) from None
    if len(told) > SUBJECT_LIMIT:
        raise Problem(file, line, f"the subject is longer than {SUBJECT_LIMIT} characters")
    return told


def _told(environment: Sandbox, file: str, values: Mapping[str, Any]) -> str:
    try:
        return "".join(_limited(environment.get_template(file).generate(values), file))
    except Exception as error:
        raise as_problem(error, file) from None


def _limited(parts: Iterator[str], file: str) -> Iterator[str]:
    size = 0
    for part in parts:
        size += len(part)
        if size > OUTPUT_LIMIT_CHARACTERS:
            raise Problem(file, 1, "the mail gets larger than 256 KiB")
        yield part


def as_problem(error: BaseException, file: str, *, only: int = 0) -> Problem:
    """What went wrong, and the line it stands in: what values held is not told."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, jinja2.TemplateSyntaxError):
        return Problem(error.name or file, only or error.lineno, str(error.message))
    place, line = _place(error)
    if isinstance(error, TemplateNotFound):
        message = "the file it wants is not in the folder of templates"
    elif isinstance(error, jinja2.UndefinedError | jinja2.exceptions.SecurityError):
        message = discreet(error, place or file)
    elif isinstance(error, MemoryError):
        message = "it needs too much memory"
    elif isinstance(error, RecursionError):
        message = "it calls itself without an end"
    else:
        message = f"it cannot be filled in ({type(error).__name__})"
    return Problem(place or file, only or line or 1, message)


def discreet(error: jinja2.TemplateRuntimeError, file: str) -> str:
    """The message, without quoted words that do not stand in the template: they are what a value held."""
    source = _SOURCES.get(file, "")
    told = str(error.message).replace("'dict object' has no attribute", "there is no")
    return _QUOTED.sub(lambda match: match[0] if match[1] in source else "'...'", told)


def _place(error: BaseException) -> tuple[str, int]:
    """The innermost file and line of a template in the error's trace."""
    found, trace = ("", 0), error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name.endswith((".html", ".txt")):
            found = (name, trace.tb_lineno)
        trace = trace.tb_next
    return found


def answer_to(environment: Sandbox, folder: Path, line: str) -> dict[str, Any]:
    """Within the time that computing may take."""
    signal.setitimer(signal.ITIMER_PROF, COMPUTING_LIMIT_S)
    try:
        return fill(environment, folder, json.loads(line))
    except Exception as error:
        problem = as_problem(error, "")
        return {"problem": str(problem), "file": problem.file, "line": problem.line}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)


def say(answer: object) -> None:
    """One line."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main(folder: Path) -> None:
    """Answers lines until there are none."""
    with suppress(ValueError, OSError):  # not every system has this limit
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    environment = Sandbox(folder)
    say("ready")
    for line in sys.stdin:
        say(answer_to(environment, folder, line))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
