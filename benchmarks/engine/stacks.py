"""Sampled stacks (py-spy's "raw" format: `frame;frame;frame count`, root first) as shares of parts and of functions.

Pure; whose stacks they are is `profile.py`'s.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

PARTS: Final[Mapping[str, str]] = {
    # The innermost frame of a package decides; what C code does counts for the frame that called it.
    "decide: rules, facts, ledger": r"headrace/segmentation/(?!codec)",
    "codec: states and events to bytes and back": r"headrace/(segmentation/codec|contracts/)|msgspec",
    "the benchmark's fold": r"benchmarks/engine/(headrace_worker|workload)",
    "shell of the fold": r"services/evaluator/[a-z_]+\.py",
    "engine: records to librdkafka": r"services/evaluator/engine/producer\.py",
    "engine: chunks, epochs, restore": r"services/evaluator/engine/",
    "aiokafka: fetching": r"aiokafka/",
    "Faust: streams, consumer, acks": r"faust/|mode/",
    "event loop": r"asyncio/|uvloop|selectors\.py|concurrent/futures|threading\.py",
    "logs and metrics": r"prometheus_client/|structlog/|headrace/runtime/",
}
REST: Final = "the rest"
_PATTERNS: Final = {name: re.compile(pattern) for name, pattern in PARTS.items()}
_LINE: Final = re.compile(r":\d+\)$")


def read_stacks(text: str) -> dict[tuple[str, ...], int]:
    """Stack (root first) -> samples."""
    found: Counter[tuple[str, ...]] = Counter()
    for line in text.splitlines():
        stack, _, count = line.rpartition(" ")
        if stack and count.isdigit():
            found[tuple(_LINE.sub(")", frame) for frame in stack.split(";"))] += int(count)
    return dict(found)


def parts_of(stacks: Mapping[tuple[str, ...], int]) -> dict[str, float]:
    """Part -> percent of all samples, the largest first."""
    counts: Counter[str] = Counter()
    for stack, samples in stacks.items():
        counts[_part(reversed(stack))] += samples
    return _percent(counts)


def functions_of(stacks: Mapping[tuple[str, ...], int], most: int = 15) -> dict[str, float]:
    """The functions in which most samples were taken, as percent of all."""
    counts: Counter[str] = Counter()
    for stack, samples in stacks.items():
        counts[_short(stack[-1])] += samples
    return dict(list(_percent(counts).items())[:most])


def _part(frames: Iterable[str]) -> str:
    for frame in frames:
        for name, pattern in _PATTERNS.items():
            if pattern.search(frame):
                return name
    return REST


def _short(frame: str) -> str:
    """`apply (services/evaluator/agent.py)`: at most three parts of the place, none above the package."""
    name, _, place = frame.rpartition(" (")
    parts = place.rstrip(")").split("site-packages/")[-1].split("/")
    return f"{name} ({'/'.join(parts[-3:])})"


def _percent(counts: Mapping[str, int]) -> dict[str, Any]:
    total = sum(counts.values())
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {name: round(100 * count / total, 1) for name, count in ranked}
