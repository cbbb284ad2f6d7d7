"""Results as Markdown."""

from typing import Any

from benchmarks.page.markdown import measured_on, result_table


def result(**more: Any) -> dict[str, Any]:
    return {
        "benchmark": "restore",
        "measured_at": "2026-02-03T04:05:06+00:00",
        "machine": {"cpu": "Some CPU", "cores": 2, "memory_mb": 4096, "system": "Linux 6", "pinned": True},
        "commit": "abc",
        "versions": {"kafka": "4.3.1", "other": ""},
        "workload": {"keys": 200_000},
        "rounds": [{"system": "headrace", "round": 1}, {"system": "peer", "round": 2, "error": "went wrong"}],
        "medians": {"headrace": {"keys_per_second": 1500.0, "range": {"keys_per_second": [1000, 2000]}}},
        **more,
    }


def test_result_table__one_figure__has_median_and_range_and_no_empty_columns() -> None:
    lines = result_table(result()).splitlines()
    assert lines[:3] == ["|  | keys/s |", "|---|---:|", "| headrace | 1,500 (1,000 to 2,000) |"]


def test_result_table__ratios_and_failures__are_told() -> None:
    text = result_table(result(ratios={"headrace/peer": 2.5}, unavailable={"third": "no Maven"}))
    assert "- headrace/peer 2.50" in text
    assert "- third was not measured: no Maven" in text
    assert "- peer, round 2, gave no figures: went wrong" in text


def test_measured_on__names_machine_versions_commit_day_and_workload() -> None:
    assert measured_on(result()) == (
        "Some CPU, 2 cores, 4,096 MB, Linux 6; kafka 4.3.1. Commit `abc`, 2026-02-03, 2 rounds; keys 200,000."
    )


def test_result_table__profile__has_a_table_for_each_kind() -> None:
    detail = {"samples": 1200, "parts": {"a": 60.0}, "functions": {"f": 50.0}, "threads": {"rdk:main": 1.0}}
    rounds = [{"system": "headrace at full speed", "round": 1, "detail": detail}]
    text = result_table(result(benchmark="profile", rounds=rounds))
    assert "**headrace at full speed**, 1,200 samples" in text
    assert ["| a | 60.0 |" in text, "| f | 50.0 |" in text, "| rdk:main | 1.0 |" in text] == [True] * 3
