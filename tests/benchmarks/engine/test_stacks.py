"""Sampled stacks as shares."""

from benchmarks.engine.stacks import REST, functions_of, parts_of, read_stacks

ROOT = "<module> (/r/.venv/bin/x.py:1)"
APPLY = "apply (/r/services/evaluator/agent.py:90)"
DECIDE = "decide (/r/headrace/segmentation/decide.py:40)"
FETCH = "_unpack (/r/.venv/lib/python3.11/site-packages/aiokafka/consumer/fetcher.py:7)"


def test_read_stacks__lines_of_one_function__are_added_up() -> None:
    text = f"{ROOT};{APPLY} 2\n{ROOT};{APPLY.replace(':90', ':91')} 3\n\nno count\n"
    assert list(read_stacks(text).values()) == [5]


def test_parts_of__the_innermost_known_frame__decides() -> None:
    stacks = read_stacks(
        f"{ROOT};{APPLY};{DECIDE} 5\n{ROOT};{APPLY} 2\n{ROOT};{APPLY};{FETCH};sum (/usr/lib/other.py:1) 2\n{ROOT} 1\n"
    )
    assert parts_of(stacks) == {
        "decide: rules, facts, ledger": 50.0,
        "aiokafka: fetching": 20.0,
        "shell of the fold": 20.0,
        REST: 10.0,
    }


def test_parts_of__codec_and_producer__are_parts_of_their_own() -> None:
    codec = "encode_state (/r/headrace/segmentation/codec.py:4)"
    produce = "_produce (/r/services/evaluator/engine/producer.py:4)"
    assert set(parts_of(read_stacks(f"{ROOT};{codec} 1\n{ROOT};{produce} 1\n"))) == {
        "codec: states and events to bytes and back",
        "engine: records to librdkafka",
    }


def test_functions_of__most__are_named_without_the_machines_folders() -> None:
    stacks = read_stacks(f"{ROOT};{FETCH} 3\n{ROOT};{APPLY} 1\n")
    assert functions_of(stacks, most=1) == {"_unpack (aiokafka/consumer/fetcher.py)": 75.0}
