"""The audit for people, and as metrics."""

from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from headrace.cli.audit import audit_text, metrics_of
from headrace.cli.textfile import write_whole

FOUND: dict[str, Any] = {
    "customers": 1200,
    "guests": 34,
    "unreadable": 0,
    "rules_version": 3,
    "duplicates": [{"alike_in": "email", "count": 2, "sets": []}],
    "coverage": [
        {"field": "customer.email", "set": 1200, "share": 1.0, "read_by": []},
        {"field": "customer.company", "set": 12, "share": 0.01, "read_by": ["segment:a", "rule:b", "rule:c", "rule:d"]},
    ],
    "sources": [{"source": "orders", "count": 5000, "last_day": "2026-05-30", "silent_days": 2}],
    "memberships": [{"name": 'group:The "best"', "members": 7}],
    "findings": [{"code": "duplicates", "severity": "warning", "message": "2 times ...", "hint": "merge them"}],
}


def test_audit_text__says_what_there_is_and_what_to_mend() -> None:
    assert audit_text(FOUND).splitlines() == [
        "1,200 customers with an account, 34 guests; version 3 of the rules",
        "",
        "fields",
        "  customer.email     100.0%",
        "  customer.company     1.0%  read by segment:a, rule:b, rule:c and more",
        "",
        "sources",
        "  orders: 5,000, the last on 2026-05-30, 2 days ago",
        "",
        "warning[duplicates] 2 times ...",
        "  hint: merge them",
    ]


def test_metrics_of__can_be_read_by_prometheus(tmp_path: Path) -> None:
    write_whole(tmp_path / "audit.prom", metrics_of(FOUND, "shop"))
    assert [path.name for path in tmp_path.iterdir()] == ["audit.prom"]
    families = text_string_to_metric_families((tmp_path / "audit.prom").read_text())
    samples = {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}
    assert samples["headrace_audit_customers", "shop"] == 1200
    assert samples["headrace_audit_duplicates", "shop", "email"] == 2
    assert samples["headrace_audit_duplicates", "shop", "phone"] == 0
    assert samples["headrace_audit_members", "shop", 'group:The "best"'] == 7
    assert samples["headrace_audit_source_silent_days", "shop", "orders"] == 2
