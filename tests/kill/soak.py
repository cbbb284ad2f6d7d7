"""`python -m tests.kill.soak --seeds 1-100`: many seeds, resumable, each written down in docs/reports/soak.jsonl.

Ctrl-C or SIGTERM ends it with its workers and brokers. What one seed does is in `plan.py` and `run.py`.
"""

import argparse
import shutil
import signal
import sys
import traceback
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Final

from headrace.runtime.logs import configure_logs
from tests.kill.plan import draw
from tests.kill.report import DIRTY, Line, append, commit_of, line_of, passed
from tests.kill.run import Outcome, run_seed

TREE: Final = Path(__file__).parents[2]
REPORT: Final = TREE / "docs" / "reports" / "soak.jsonl"
FOLDERS: Final = TREE / "build" / "kill"


def main(arguments: list[str] | None = None) -> int:
    """0: every seed asked for has passed at this commit; 1: one failed; 2: the tree is dirty; 130: it was ended."""
    asked = _parser().parse_args(arguments)
    commit = commit_of(TREE)
    if commit == DIRTY and not asked.allow_dirty:
        print("the tree has changes outside docs/: commit them, or add --allow-dirty", file=sys.stderr)  # noqa: T201
        return 2
    done = passed(REPORT, commit)
    waiting = [seed for seed in asked.seeds if seed not in done]
    _say(f"commit {commit[:12]}: {len(asked.seeds) - len(waiting)} of {len(asked.seeds)} seeds have passed already")
    _end_when_asked()
    try:
        lines = list(_run_all(waiting, commit, asked.parallel))  # all, not only up to the first that failed
    except KeyboardInterrupt:
        _say("ended; the seeds that were under way are run again next time")
        return 130
    return 0 if all(line.ok for line in lines) else 1


def seeds_of(text: str) -> range:
    """ "1-100" or "7". Raises ValueError."""
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def soak_seed(seed: int, commit: str) -> Line:
    """One run in a process; its folder stays when it fails. A tree that changed meanwhile makes the commit "dirty"."""
    _end_when_asked()
    configure_logs("soak", "error")
    folder = FOLDERS / str(seed)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    plan = draw(seed)
    try:
        outcome = run_seed(plan, folder)
    except Exception as error:  # a run that could not be judged is a failed one, and is kept
        (folder / "error.log").write_text(traceback.format_exc())
        outcome = Outcome(plan, problems=[f"the run broke: {error!r}"])
    if not outcome.problems:
        shutil.rmtree(folder)
    return line_of(outcome, commit if commit_of(TREE) == commit else DIRTY)


def _run_all(seeds: Iterable[int], commit: str, parallel: int) -> Iterable[Line]:
    left = iter(seeds)
    with _processes(parallel) as pool:
        # None is submitted ahead: the pool would wait for it when it is to end.
        running = {pool.submit(soak_seed, seed, commit) for seed in islice(left, parallel)}
        while running:
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            running |= {pool.submit(soak_seed, seed, commit) for seed in islice(left, len(ended))}
            for one in ended:
                line = one.result()
                append(REPORT, line)
                _tell(line)
                yield line


@contextmanager
def _processes(parallel: int) -> Iterator[ProcessPoolExecutor]:
    """When the block is left early, no other seed begins and those under way end."""
    # Spawned: neither Kafka's client nor a loop survives a fork.
    pool = ProcessPoolExecutor(parallel, mp_context=get_context("spawn"), max_tasks_per_child=1)
    try:
        yield pool
    except BaseException:
        for process in active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown()


def _end_when_asked() -> None:
    """The first SIGINT or SIGTERM raises KeyboardInterrupt; what it has to tidy up is not interrupted by another."""
    numbers = (signal.SIGINT, signal.SIGTERM)

    def end(_number: int, _frame: object) -> None:
        for number in numbers:
            signal.signal(number, lambda *_: None)  # not SIG_IGN, which a broker started meanwhile would inherit
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, end)


def _tell(line: Line) -> None:
    faults = ", ".join(f"{count} {kind}" for kind, count in line.faults.items())
    verdict = "passed" if line.ok else "FAILED"
    run = f"{line.fold}, {line.load} load, {line.events} events, committed {line.settled_s:g} s after the last fault"
    _say(f"seed {line.seed} {verdict} in {line.seconds:.0f} s: {run}; {faults}")
    for problem in line.problems:
        _say(f"  {problem}")
    if not line.ok:
        _say(f"  kept in {FOLDERS / str(line.seed)}; alone: make soak SEEDS={line.seed}")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # a program's own words


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.kill.soak", description=__doc__)
    parser.add_argument("--seeds", type=seeds_of, required=True, help="a-b, or one")
    parser.add_argument("--parallel", type=int, default=2, help="runs side by side (2)")
    parser.add_argument(
        "--allow-dirty", action="store_true", help='also with uncommitted changes; the commit is "dirty"'
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
