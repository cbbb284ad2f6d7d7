"""Events that a bad release set aside, sent again after the mend: folded once, whatever came in between."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from headrace.cli.letter_topic import all_letters
from headrace.cli.resend import resend
from headrace.contracts.topics import ACTIONS_GROUP, DEAD_LETTERS
from headrace.runtime.settings import ServiceSettings
from tests.services.evaluator.service import (
    BEGIN,
    STORE,
    activation,
    clock,
    committed_lag,
    customer,
    evaluator,
    order,
    publish,
    publish_rules,
    read,
    until,
)
from tests.services.evaluator.test_agent import ladder

BAD_RELEASE = "tests.services.evaluator.bad_release"


def test_evaluator__letters_of_a_bad_release_sent_again__each_is_folded_once(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings, rule_set = topics_created, ladder(100_000)

        async def run(module: str = "services.evaluator") -> None:
            async with evaluator(settings, tmp_path, module=module):
                await until("all committed", caught_up)

        async def caught_up() -> bool:
            return await committed_lag(settings) == 0

        async def groups() -> dict[str, str | None]:
            return {value["customer"]: value["value"] for _, value in await read(settings, ACTIONS_GROUP)}

        await publish_rules(settings, rule_set, 1)
        await publish(settings, [*activation(rule_set, 1), *clock(BEGIN)])
        await publish(settings, [customer(number) for number in (1, 2, 3)])
        await run()
        # Set aside: half of what the first needs for Gold, a small order of the second, a large one of the third.
        await publish(settings, [order(1, 101, 60_000), order(2, 102, 60_000), order(3, 103, 200_000, day=1)])
        await run(BAD_RELEASE)
        assert len(await read(settings, DEAD_LETTERS)) == 3
        # Meanwhile: the other half, nothing, and the third's order again, as it was later: made smaller.
        await publish(settings, [order(1, 201, 60_000), order(3, 103, 10_000, day=2)])
        await run()
        silver = dict.fromkeys((f"{STORE}:{number}" for number in (1, 2, 3)), "Silver")
        assert await groups() == silver
        report = await resend(settings, await all_letters(settings), now=datetime.now(UTC))
        assert (len(report.resent), report.refused) == (3, [])
        report = await resend(settings, await all_letters(settings), now=datetime.now(UTC))
        assert (report.resent, len(report.refused)) == ([], 3)
        await run()
        assert await groups() == silver | {f"{STORE}:1": "Gold"}
        letters = await all_letters(settings)
        assert [(one.reason, one.state) for one in letters] == [("failed", "resent")] * 3

    asyncio.run(scenario())
