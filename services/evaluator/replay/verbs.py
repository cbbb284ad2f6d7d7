"""What the verbs of `headrace` start here: arguments in, exactly one JSON object on stdout, logs on stderr.

Texts for people are made by the verb itself (`headrace.cli`).
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from aiokafka.errors import KafkaError
from confluent_kafka import KafkaError as ConfluentError
from confluent_kafka import KafkaException

from headrace.rules.load import load_rule_set
from headrace.rules.model import encode_rule_set
from headrace.runtime.dependency import DependencyError
from headrace.runtime.logs import configure_logs
from headrace.runtime.parent import watch_parent
from headrace.runtime.settings import KafkaSettings, SettingsError, load_settings, variable
from headrace.runtime.stores import named_store
from services.evaluator.audit.run import audit
from services.evaluator.plan.run import Options as PlanOptions
from services.evaluator.plan.run import plan
from services.evaluator.replay.explaining import explain_customer, history_of
from services.evaluator.replay.inspect import show_state, state_digest
from services.evaluator.replay.refused import Refused
from services.evaluator.replay.run import Options, replay

EXIT_REFUSED: Final = 1
EXIT_USAGE: Final = 2
EXIT_UNAVAILABLE: Final = 3
EXIT_INTERRUPTED: Final = 130
_LONG: Final = ("replay", "plan")
"""Verbs that tell their progress; the others answer at once, and log only what is wrong."""
_AGAIN: Final = "see that Kafka is there, then start it again"
_MENDS: Final = "; it begins anew, and brings a promotion that had begun to its end"

Result = dict[str, Any]


def run_verb(words: Sequence[str]) -> int:
    """Runs one; its exit code. 1: refused, or a replay that is not equal to what is live although it should be."""
    given = _parser().parse_args(words)
    configure_logs("replay", os.environ.get("HEADRACE_LOG_LEVEL") or ("info" if given.verb in _LONG else "warning"))
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    if parent := os.environ.get(variable("parent_pid")):
        watch_parent(int(parent), lambda: os._exit(EXIT_INTERRUPTED))  # whatever it was at counts for nothing
    try:
        result = _VERBS[given.verb](load_settings(KafkaSettings), given)
    except Refused as error:
        return _failed(EXIT_REFUSED, error.code, error.message, error.hint)
    except SettingsError as error:
        return _failed(EXIT_USAGE, "settings", str(error), "set them in the environment or in a --config file")
    except DependencyError as error:
        return _failed(EXIT_UNAVAILABLE, error.code, error.message, error.hint)
    except (KafkaException, KafkaError, TimeoutError) as error:
        return _failed(
            EXIT_UNAVAILABLE, "kafka_unavailable", _words_of(error), _AGAIN + _MENDS * (given.verb == "replay")
        )
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    _say(result)
    return 0 if given.verb != "replay" or _as_expected(result, given) else EXIT_REFUSED


def _replay(settings: KafkaSettings, given: argparse.Namespace) -> Result:
    return replay(
        settings,
        Options(
            processes=given.processes,
            partitions=tuple(sorted(set(given.partitions))),
            until=given.until,
            store=named_store(),
            rules=None if given.rules is None else _encoded(given.rules),
            promote=given.promote,
            allow_missing=given.allow_missing,
        ),
    )


def _digest(settings: KafkaSettings, given: argparse.Namespace) -> Result:
    return state_digest(settings, processes=given.processes)


def _show(settings: KafkaSettings, given: argparse.Namespace) -> Result:
    return show_state(settings, given.customer, personal=given.personal)


def _plan(settings: KafkaSettings, given: argparse.Namespace) -> Result:
    return plan(
        settings,
        PlanOptions(
            store=given.store,
            document=given.document.read_bytes(),
            version=given.version,
            folder=given.folder,
            processes=given.processes,
            take_over=given.take_over,
        ),
    )


def _explain(settings: KafkaSettings, given: argparse.Namespace) -> Result:
    return explain_customer(settings, given.customer, rule=given.rule, at=given.at)


def _history(settings: KafkaSettings, given: argparse.Namespace) -> Result:
    return history_of(settings, given.customer)


def _audit(settings: KafkaSettings, given: argparse.Namespace) -> Result:
    return audit(settings, given.store, processes=given.processes)


_VERBS: Final[dict[str, Callable[[KafkaSettings, argparse.Namespace], Result]]] = {
    "replay": _replay,
    "state-digest": _digest,
    "state-show": _show,
    "explain": _explain,
    "history": _history,
    "plan": _plan,
    "audit": _audit,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.evaluator")
    verbs = parser.add_subparsers(dest="verb", required=True)
    cores = len(os.sched_getaffinity(0))
    replaying = verbs.add_parser("replay")
    replaying.add_argument("--processes", type=int, default=cores)
    replaying.add_argument("--partitions", type=_numbers, default=())
    replaying.add_argument("--until", type=_moment)
    replaying.add_argument("--rules", type=Path)
    replaying.add_argument("--promote", action="store_true")
    replaying.add_argument("--allow-missing", action="store_true")
    digest = verbs.add_parser("state-digest")
    digest.add_argument("--processes", type=int, default=cores)
    planning = verbs.add_parser("plan")
    planning.add_argument("--store", required=True)
    planning.add_argument("--document", type=Path, required=True)
    planning.add_argument("--version", type=int, required=True)
    planning.add_argument("--folder", required=True)
    planning.add_argument("--processes", type=int, default=cores)
    planning.add_argument("--take-over", action="store_true")
    auditing = verbs.add_parser("audit")
    auditing.add_argument("--store", required=True)
    auditing.add_argument("--processes", type=int, default=cores)
    show = verbs.add_parser("state-show")
    show.add_argument("customer")
    show.add_argument("--personal", action="store_true")
    explaining = verbs.add_parser("explain")
    explaining.add_argument("customer")
    explaining.add_argument("--rule")
    explaining.add_argument("--at", type=_moment)
    verbs.add_parser("history").add_argument("customer")
    return parser


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError("a time needs its zone: 2026-01-31T12:00:00Z")
    return moment


def _encoded(path: Path) -> bytes:
    loaded = load_rule_set([path])
    if loaded.rule_set is None:
        first = next(finding for finding in loaded.findings if finding.severity == "error")
        raise Refused("rules_refused", f"{first.file}:{first.line}: {first.message}", f"run `headrace lint {path}`")
    return encode_rule_set(loaded.rule_set)


def _as_expected(result: Result, given: argparse.Namespace) -> bool:
    """Other rules, an earlier time and a new generation that took over may well differ from what was live."""
    return bool(result["equal"] or given.rules or given.until or given.promote)


def _words_of(error: Exception) -> str:
    """What a person reads: of librdkafka's errors the sentence, without codes and braces."""
    cause = error.args[0] if error.args else None
    return cause.str() if isinstance(cause, ConfluentError) else str(error)


def _failed(code: int, name: str, message: str, hint: str) -> int:
    error = {"code": name, "message": message, "file": None, "line": None, "column": None, "id": None, "hint": hint}
    _say({"error": error})
    return code


def _say(what: Result) -> None:
    sys.stdout.write(json.dumps(what, ensure_ascii=False) + "\n")
    sys.stdout.flush()
