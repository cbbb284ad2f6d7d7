"""Gauges of a command in a file, for a Prometheus textfile collector."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

Values = Sequence[tuple[Mapping[str, str], float]]
"""Labels and value of each series of one gauge."""
MetricsOption = Annotated[
    Path | None,
    typer.Option("--metrics", help="Write the counts there as Prometheus metrics, for a textfile collector."),
]


def write_whole(path: Path, text: str) -> None:
    """At once: a collector never reads half of it."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def text_format(gauges: Mapping[str, Values]) -> str:
    """In Prometheus' text format."""
    lines = []
    for name, values in gauges.items():
        lines.append(f"# TYPE {name} gauge")
        lines += [f"{name}{{{_labels(labels)}}} {value}" for labels, value in values]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
