"""Names that the settings make: group, changelog, transactional id."""

from headrace.contracts.topics import changelog
from headrace.runtime.kafka import topic
from services.evaluator.settings import EvaluatorSettings


def test_settings__prefix_and_generation__names() -> None:
    settings = EvaluatorSettings(
        kafka_bootstrap_servers="b:1", store="s", topic_prefix="t.", generation=2, worker_id="w"
    )
    assert settings.group == "t.evaluator-2"
    assert settings.source == "t.events"
    assert settings.transactional_id == "t.evaluator-2-w"
    assert f"{settings.group}-{settings.state_table}-changelog" == topic(settings, changelog(2))
