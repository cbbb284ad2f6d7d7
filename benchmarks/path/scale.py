"""Two evaluators on two cores beside one, on a real shop's events that are in the log already.

As `benchmarks.engine.scale`, but with the evaluator as it is: rules, ledger, actions. Run: `headrace bench scale-path`.
"""

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.engine.asked import Asked
from benchmarks.engine.bench import Bench, bench, say
from benchmarks.engine.report import finish, make_result
from benchmarks.engine.results import order_of_round
from benchmarks.engine.scale import WORKERS, run_gated, scale_table, shared_out, with_ratio
from benchmarks.engine.worker_process import WorkerProcess
from benchmarks.engine.workload import Record
from benchmarks.path.options import Options, parse_options
from benchmarks.path.run import evaluator, fill_evaluator


def main(arguments: list[str]) -> int:
    """0 when every round folded all, 1 when one did not."""
    options = parse_options("benchmarks.path.scale", __doc__, arguments)
    records = options.records()
    broker, cores = shared_out()
    with bench(*broker) as place:
        rounds = list(_rounds(options, records, place, cores))
    shares = set(broker) & set(cores) != set()
    workload = {"name": options.data.stem, "events": len(records), "broker_shares_cores": shares}
    result = with_ratio(make_result("scale-path", rounds, kafka=place.broker.version, workload=workload))
    return finish(result, scale_table(result), as_json=options.json, keep=options.keep)


def _rounds(
    options: Options, records: Sequence[Record], place: Bench, cores: Sequence[int]
) -> Iterator[dict[str, Any]]:
    for number in range(options.rounds):
        for name in order_of_round(list(WORKERS), number):
            count = WORKERS[name]
            measured = _measure(records, place, cores[:count], f"scale-{count}-{number}.")
            yield {"system": name, "round": number + 1, **measured}
            say(f"round {number + 1}: {name}: {measured['error'] or measured['events_per_second']}")


def _measure(records: Sequence[Record], place: Bench, cores: Sequence[int], prefix: str) -> dict[str, Any]:
    try:
        asked = fill_evaluator(place, records, prefix)._replace(gate=str(place.folder / f"{prefix}open"))
        return {**run_gated(asked, place, cores, _worker), "error": None}
    except Exception as error:  # whatever one run does, the others are still measured
        return {"error": f"{type(error).__name__}: {error}"}


def _worker(asked: Asked, number: int, core: int) -> WorkerProcess:
    own = asked._replace(state_dir=f"{asked.state_dir}-{number}")
    return evaluator(own, str(number), core=core)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
