"""What `headrace import` starts: one file into the log, one JSON object on stdout."""

import argparse
import asyncio
import json
import logging
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from aiokafka.errors import KafkaError

from headrace.runtime.dependency import DependencyError
from headrace.runtime.logs import configure_logs
from headrace.runtime.parent import watch_parent
from headrace.runtime.settings import SettingsError, load_settings, settings_hint, variable
from services.ingest.importing.reading import How, Unreadable
from services.ingest.importing.run import ImportSettings, Options, run_import

EXIT_REFUSED: Final = 1
EXIT_USAGE: Final = 2
EXIT_UNAVAILABLE: Final = 3
EXIT_INTERRUPTED: Final = 130
_AGAIN: Final = "see that Kafka is there, then run it again: rows that came in are not taken twice"


def run_verb(words: Sequence[str]) -> int:
    """Runs it; its exit code. 1: rows were refused."""
    given = _parser().parse_args(words)
    configure_logs("import", os.environ.get(variable("log_level")) or "info")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    if parent := os.environ.get(variable("parent_pid")):
        watch_parent(int(parent), lambda: os._exit(EXIT_INTERRUPTED))
    try:
        settings = _settings(dry_run=given.dry_run)
        result = asyncio.run(run_import(settings, _options(given)))
    except Unreadable as error:
        return _failed(EXIT_USAGE, error.code, f"{given.file} {error}", error.hint, given.file, error.line)
    except SettingsError as error:
        return _failed(EXIT_USAGE, "settings", f"settings: {error}", settings_hint(error))
    except msgspec.MsgspecError:
        message = "the rule set in force was written by another release"
        return _failed(EXIT_USAGE, "rules_unreadable", message, "import with that release")
    except DependencyError as error:
        return _failed(EXIT_UNAVAILABLE, error.code, error.message, error.hint)
    except (KafkaError, TimeoutError) as error:
        return _failed(EXIT_UNAVAILABLE, "kafka_unavailable", f"Kafka: {type(error).__name__}", _AGAIN)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    _say(result)
    return EXIT_REFUSED if result["refused"] else 0


def _settings(*, dry_run: bool) -> ImportSettings:
    settings = load_settings(ImportSettings)
    missing = {}
    if not settings.kafka_bootstrap_servers and not dry_run:
        missing[variable("kafka_bootstrap_servers")] = "is missing"
    if settings.kafka_bootstrap_servers and settings.hash_key is None:
        missing[variable("hash_key")] = "is missing: it keys the hash of e-mail addresses, as for the other services"
    if missing:
        raise SettingsError(missing)
    return settings


def _options(given: argparse.Namespace) -> Options:
    mapping = dict(each.partition("=")[::2] for each in given.map)
    how = How(given.encoding, given.separator, given.format, mapping)
    return Options(given.file, how, given.dry_run, given.report, given.as_of, given.timezone, given.currency)


def _failed(code: int, name: str, message: str, hint: str, file: Path | None = None, line: int = 0) -> int:
    place = {"file": None if file is None else str(file), "line": line or None}
    _say({"error": {"code": name, "message": message, "hint": hint, **place}})
    return code


def _say(result: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.ingest import")
    parser.add_argument("file", type=Path)
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--encoding")
    parser.add_argument("--separator")
    parser.add_argument("--format", choices=("csv", "jsonl"))
    parser.add_argument("--map", action="append", default=[])
    parser.add_argument("--as-of", type=datetime.fromisoformat)
    parser.add_argument("--timezone")
    parser.add_argument("--currency")
    return parser
