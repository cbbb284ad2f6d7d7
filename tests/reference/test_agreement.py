"""The incremental core and the reference agree after every record of many histories under many rule sets.

`HEADRACE_REFERENCE_SEED` and `HEADRACE_REFERENCE_LOGS` choose which and how many; a failure says how to repeat it.
"""

import os

import pytest

from tests.reference.cases import case_of, first_difference, smallest, told

SEED = os.environ.get("HEADRACE_REFERENCE_SEED", "1")
LOGS = int(os.environ.get("HEADRACE_REFERENCE_LOGS", "10000"))
ONLY = os.environ.get("HEADRACE_REFERENCE_LOG")
"""The number of one log, to repeat it."""
PORTION = 500
PORTIONS = [range(at, min(at + PORTION, LOGS)) for at in range(0, LOGS, PORTION)]


@pytest.mark.parametrize(
    "logs", [range(int(ONLY), int(ONLY) + 1)] if ONLY else PORTIONS, ids=lambda logs: f"seed{SEED}-{logs.start}"
)
def test_core__random_rules_and_histories__agrees_with_the_reference(logs: range) -> None:
    for number in logs:
        case = case_of(SEED, number)
        if first_difference(case) is None:
            continue
        small = smallest(case)
        difference = first_difference(small)
        assert difference is not None
        again = f"HEADRACE_REFERENCE_SEED={SEED} HEADRACE_REFERENCE_LOG={number} pytest tests/reference"
        pytest.fail(f"core and reference differ; repeat with: {again}\n{told(small, difference)}", pytrace=False)
