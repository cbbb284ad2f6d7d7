"""`headrace audit`: how good the data is that the rules stand on.

The work is the evaluator's (`python -m services.evaluator audit`).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import typer

from headrace.cli.output import EXIT_FINDINGS, JsonOption, emit
from headrace.cli.running_kafka import use_running_kafka
from headrace.cli.service_child import ask_service
from headrace.cli.textfile import MetricsOption, Values, text_format, write_whole
from headrace.runtime.settings import ServiceSettings, load_settings
from headrace.segmentation.audit.tally import MARKS

Audit = Mapping[str, Any]


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("audit")(audit)


def audit(metrics: MetricsOption = None, json: JsonOption = False) -> None:
    """Show who is there twice, which fields are filled and read, what has gone silent. Exit code 1 with warnings."""
    use_running_kafka()
    settings = load_settings(ServiceSettings)
    found, _ = ask_service("services.evaluator", "audit", "--store", settings.store)
    if metrics is not None:
        write_whole(metrics, metrics_of(found, settings.store))
    emit(found, json, audit_text)
    if any(finding["severity"] == "warning" for finding in found["findings"]):
        raise typer.Exit(EXIT_FINDINGS)


def audit_text(found: Audit) -> str:
    """For people."""
    return "\n".join([*_head(found), *_coverage(found), *_sources(found), *_findings(found)])


def _head(found: Audit) -> Iterator[str]:
    rules = f"version {found['rules_version']} of the rules" if found["rules_version"] else "no rules yet"
    yield f"{found['customers']:,} customers with an account, {found['guests']:,} guests; {rules}"
    if found["unreadable"]:
        yield f"{found['unreadable']:,} states could not be read: see the log"


def _coverage(found: Audit) -> Iterator[str]:
    yield "\nfields"
    width = max(len(one["field"]) for one in found["coverage"])
    for one in found["coverage"]:
        readers = one["read_by"]
        read = f"read by {', '.join(readers[:3])}{' and more' if len(readers) > 3 else ''}" if readers else ""
        yield f"  {one['field']:<{width}}  {one['share']:>7.1%}  {read}".rstrip()


def _sources(found: Audit) -> Iterator[str]:
    if found["sources"]:
        yield "\nsources"
    for one in found["sources"]:
        silent = "" if one["silent_days"] is None else f", {one['silent_days']} days ago"
        yield f"  {one['source']}: {one['count']:,}, the last on {one['last_day']}{silent}"


def _findings(found: Audit) -> Iterator[str]:
    yield ""
    if not found["findings"]:
        yield "nothing to mend"
    for one in found["findings"]:
        yield f"{one['severity']}[{one['code']}] {one['message']}"
        yield f"  hint: {one['hint']}"


def metrics_of(found: Audit, store: str) -> str:
    """In Prometheus' text format."""
    doubles = {one["alike_in"]: one["count"] for one in found["duplicates"]}
    silent = [one for one in found["sources"] if one["silent_days"] is not None]
    rows: dict[str, Values] = {
        "headrace_audit_customers": [({}, found["customers"])],
        "headrace_audit_guests": [({}, found["guests"])],
        "headrace_audit_duplicates": [({"alike_in": what}, doubles.get(what, 0)) for what in MARKS],
        "headrace_audit_field_share": [({"field": one["field"]}, one["share"]) for one in found["coverage"]],
        "headrace_audit_source_silent_days": [({"source": one["source"]}, one["silent_days"]) for one in silent],
        "headrace_audit_members": [({"name": one["name"]}, one["members"]) for one in found["memberships"]],
    }
    return text_format(
        {name: [({"store": store, **labels}, value) for labels, value in each] for name, each in rows.items()}
    )
