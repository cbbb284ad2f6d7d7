"""The files that take longest, in seconds on two quiet cores: they begin first.

A long file that is begun late leaves one of two workers with nothing to do. Times of a run are in its junit file.
"""

from typing import Final

SECONDS: Final = {
    "kill/test_kill.py": 110,
    "docs/test_commands.py": 90,
    "services/evaluator/replay/test_replay.py": 60,
    "services/evaluator/engine/test_cures_kafka.py": 58,
    "headrace/cli/test_plan.py": 52,
    "services/evaluator/engine/test_outage.py": 50,
    "services/actions/email_tags/test_behaviour.py": 48,
    "scenario/test_demo.py": 45,
    "services/ingest/test_hydrate.py": 45,
    "reference/test_agreement.py": 42,
    "scenario/test_dev.py": 40,
    "services/evaluator/engine/test_balance.py": 39,
    "headrace/runtime/test_embedded_kafka.py": 37,
    "services/evaluator/replay/test_broken_promotion.py": 30,
    "services/evaluator/replay/test_explaining.py": 30,
    "services/actions/effects/test_kill.py": 30,
    "services/actions/test_vendor_faults.py": 28,
    "services/actions/test_crash.py": 27,
    "services/actions/test_group.py": 25,
    "services/ingest/test_feed.py": 25,
    "services/evaluator/engine/test_worker.py": 25,
    "services/evaluator/replay/test_promote.py": 25,
    "services/attributes/test_service.py": 24,
    "services/attributes/test_mirror.py": 24,
    "headrace/cli/test_kafka.py": 21,
    "services/actions/email_tags/test_order.py": 20,
    "services/ingest/test_moves.py": 20,
    "headrace/consumer/test_loop.py": 18,
    "services/evaluator/engine/test_stopping.py": 18,
    "services/evaluator/engine/test_cures_seal.py": 16,
    "services/evaluator/test_effects_worker.py": 16,
}
"""By path below this folder; rough is enough."""
