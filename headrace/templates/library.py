"""The templates that ship: where they are, all of them read, one by its id."""

from functools import cache
from pathlib import Path
from typing import Final

from headrace.rules.findings import Report
from headrace.rules.load import is_rule_file, read_sources
from headrace.rules.yaml_source import Node, Scalar
from headrace.templates.fill import fill
from headrace.templates.read import Template, read_template

FOLDER: Final = Path(__file__).parents[2] / "examples" / "templates"
"""Of the checkout, or of the image, which has it at the same place."""


@cache
def library() -> dict[str, Template]:
    """All shipped templates by id, in the order of their files' names. Raises ValueError for one that is none."""
    report = Report()
    paths = sorted(path for path in FOLDER.glob("*.yaml") if is_rule_file(path))
    read = [read_template(source, report) for source in read_sources(paths, report)]
    if report.refused:
        first = report.sorted()[0]
        raise ValueError(f"{first.file}:{first.line}: {first.message}")
    return {template.id: template for template in read if template is not None}


def companions(template: Template, values: dict[str, Node]) -> list[Path]:
    """Examples of the files that the template's rules name: of postcodes, where they ask for distances."""
    filled = fill(template, values, Report())
    named = None if filled is None else filled.get("postcodes")
    example = FOLDER / named.text if isinstance(named, Scalar) else None
    return [example] if example is not None and example.is_file() else []
