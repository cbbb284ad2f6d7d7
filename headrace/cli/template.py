"""`headrace template list | show | use`: the templates that ship, and a rule file made of one.

What a template is stands in `headrace.templates`; here are the folder it is written into and what that already says.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from headrace.cli.finding_text import render_findings
from headrace.cli.lint import as_objects
from headrace.cli.output import EXIT_FINDINGS, CliError, JsonOption, emit
from headrace.rules.findings import Finding, Place, Report, did_you_mean
from headrace.rules.load import Source, is_rule_file, load_texts, read_sources
from headrace.rules.parse_rule_set import ONCE
from headrace.rules.yaml_source import Items, Mapping, Node, Scalar, compose
from headrace.templates.fill import load_template
from headrace.templates.library import companions, library
from headrace.templates.read import CASES, Template, is_template
from headrace.templates.write import flow, write_template

SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A parameter's value, as YAML: --set domains='[a.com, b.com]'."),
]
OutOption = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where to write; without it the text is printed.")
]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="A template's id, see `headrace template list`.")]


@dataclass(slots=True)
class Beside:
    """What the other rule files of a folder say already."""

    keys: dict[str, Place] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)
    sources: list[Source] = field(default_factory=list)


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    group = typer.Typer(help="Ready-made rules, with parameters and golden cases.", no_args_is_help=True)
    group.command("list")(list_)
    group.command("show")(show)
    group.command("use")(use)
    app.add_typer(group, name="template")


def list_(json: JsonOption = False) -> None:
    """All templates: id, what kind of entries they are made of, and what they are for."""
    templates = list(library().values())
    rows = [
        {
            "id": each.id,
            "title": each.title,
            "kind": each.kind,
            "wishes": list(each.wishes),
            "goal": each.goal,
            "cases": each.cases_count,
        }
        for each in templates
    ]
    emit({"templates": rows}, json, lambda _: _table(templates))


def _table(templates: Sequence[Template]) -> str:
    width = max(len(each.id) for each in templates)
    lines = [f"{each.id:<{width}}  {each.kind:<7}  {each.title}" for each in templates]
    return "\n".join([*lines, f"{len(templates)} templates; headrace template show ID tells all of one"])


def show(id: IdArgument, json: JsonOption = False) -> None:
    """One template: what it is for, its parameters, its rules and its cases."""
    template = find(id)
    parameters = {
        name: {"default": None if each.default is None else plain(each.default), "what": each.what}
        for name, each in template.parameters.items()
    }
    about = {name: getattr(template, name) for name in ("id", "title", "kind", "goal", "owner", "review_by")}
    result = {
        **about,
        "wishes": list(template.wishes),
        "parameters": parameters,
        "cases": template.cases_count,
        "text": template.source.text,
    }
    emit(result, json, lambda _: _shown(template))


def _shown(template: Template) -> str:
    lines = [f"# headrace template use {template.id} -o FILE, with any of:"]
    for name, each in template.parameters.items():
        default = "needed" if each.default is None else f"{flow(each.default)} unless given"
        lines.append(f"#   --set {name}=...  {each.what} ({default})")
    return "\n".join([*lines, template.source.text.rstrip()])


def use(id: IdArgument, set_: SetOption = None, output: OutOption = None, json: JsonOption = False) -> None:
    """Write a rule file from a template, ready to check and apply; what the folder's other files say is left out."""
    template = find(id)
    values = _given(set_ or ())
    if output is not None and output.exists():
        raise CliError("exists", f"{output} is already there", hint="name another file, or remove that one first")
    _refuse(load_template(template, values).findings)
    beside = _beside(output)
    text = write_template(template, values, left_out=beside.keys, groups=beside.groups)
    also = [] if output is None else _write(output, text, template, values)
    written = Source(str(output or template.source.file), text)
    findings = [each for each in load_texts([*beside.sources, written]).findings if each.severity != "info"]
    result = {
        "id": template.id,
        "file": None if output is None else str(output),
        "also": also,
        "left_out": [key for key in beside.keys if template.rules.get(key) is not None],
        "text": text,
        "findings": as_objects(tuple(findings)),
    }
    emit(result, json, lambda _: text.rstrip() if output is None else _written(template, output, also))
    _tell(findings, [*beside.sources, written], json=json)


def _write(output: Path, text: str, template: Template, values: dict[str, Node]) -> list[str]:
    """Writes the file, and examples of those that it names, where there are none yet."""
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8")
    copies = {output.parent / example.name: example for example in companions(template, values)}
    missing = [path for path in copies if not path.exists()]
    for path in missing:
        path.write_bytes(copies[path].read_bytes())
    return [str(path) for path in missing]


def _written(template: Template, output: Path, also: Sequence[str]) -> str:
    lines = [f"{output} written from {template.id}; check it with: headrace lint {output.parent}"]
    return "\n".join([*lines, *(f"{path} is an example: put your own in its place" for path in also)])


def _refuse(findings: Sequence[Finding]) -> None:
    """Raises for values that the template does not take; nothing is written then."""
    first = next((finding for finding in findings if finding.severity == "error"), None)
    if first is not None:
        raise CliError(
            first.code,
            first.message,
            hint=first.hint,
            file=first.file,
            line=first.line,
            column=first.column,
            id=first.id,
        )


def _tell(findings: list[Finding], sources: Sequence[Source], *, json: bool) -> None:
    """What is still to be done by hand in the folder, such as the place of a new group in group_order."""
    if findings and not json:
        print(render_findings(findings, sources, color=False), file=sys.stderr)
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(EXIT_FINDINGS)


def find(id: str) -> Template:
    """The template of this id."""
    templates = library()
    if id not in templates:
        hint = did_you_mean(id, tuple(templates), otherwise="see `headrace template list`")
        raise CliError("unknown_template", f"there is no template {id!r}", hint=hint)
    return templates[id]


def _given(settings: Sequence[str]) -> dict[str, Node]:
    values: dict[str, Node] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        where = f"--set {name}"
        if not equals:
            raise CliError("usage", f"{where}: no value", hint=f"write --set {name}=VALUE")
        report = Report()
        node = compose(text, where, report)
        if report.refused:
            first = report.sorted()[0]
            raise CliError(first.code, f"{where}: {first.message}", hint=first.hint)
        values[name] = node if node is not None else Scalar("", Place(where, 1, 1))
    return values


def _beside(output: Path | None) -> Beside:
    """The rule files of the folder that is written into."""
    found = Beside()
    if output is None or not output.parent.is_dir():
        return found
    report = Report()
    paths = sorted(path for path in output.parent.iterdir() if is_rule_file(path) and path.is_file())
    for source in read_sources(paths, report):
        root = compose(source.text, source.file, report)
        if not isinstance(root, Mapping) or is_template(root) or root.get(CASES) is not None:
            continue
        found.sources.append(source)
        found.keys |= {key.text: key.place for key, _ in root.pairs if key.text in ONCE}
        groups = root.get("groups")
        for group in groups.items if isinstance(groups, Items) else ():
            name = group.get("name") if isinstance(group, Mapping) else None
            if isinstance(name, Scalar):
                found.groups.add(name.text)
    return found


def plain(node: Node) -> Any:
    """A node as JSON has it, every single value a text."""
    match node:
        case Mapping():
            return {key.text: plain(value) for key, value in node.pairs}
        case Items():
            return [plain(item) for item in node.items]
        case Scalar():
            return node.text
