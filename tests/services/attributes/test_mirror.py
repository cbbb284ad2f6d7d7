"""The mirror against the simulated store, without Kafka: the fewest calls, the limits, what an earlier call left."""

import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from headrace.consumer import Result, TryAgain
from services.attributes.bulk import delete_rows, rows_of
from services.attributes.definitions import Definition
from services.attributes.tables import METAFIELDS
from tests.services.attributes.shop import CUSTOMERS, STORE, Shop, opened

TIER, META = "attribute:tier", "metafield:tier"
INTERESTS = "metafield:interests"


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    async with opened(database_url) as one:
        yield one


def fill_with_attributes(shop: Shop, count: int = 50) -> None:
    for number in range(count):
        shop.simulator.world.people.create_attribute(f"theirs-{number}", "string")


async def test_perform__ten_customers_three_places__a_call_for_each_place(shop: Shop) -> None:
    wanted = {"attribute:headrace": ";country=France;", TIER: ";VIP;", "metafield:interests": ";a;b;"}
    results = await shop.perform(dict.fromkeys(range(1, 11), wanted))
    assert set(results.values()) == {Result("applied")}
    for number in range(1, 11):
        assert shop.holds(number) == ({"headrace": ";country=France;", "tier": ";VIP;"}, {"interests": ";a;b;"})
    assert (shop.calls("PUT /v3/customers/attribute-values"), shop.calls("/v3/customers/metafields")) == (2, 1)
    changed = {**wanted, "metafield:interests": ";c;"}
    before = shop.calls()
    await shop.perform(dict.fromkeys(range(1, 11), changed), applied=wanted)
    assert shop.calls() - before == 1
    assert shop.holds(7)[1] == {"interests": ";c;"}


@pytest.mark.parametrize(
    ("before", "after"), [({TIER: ";VIP;"}, {META: ";VIP;"}), ({META: ";VIP;"}, {TIER: ";VIP;"}), ({META: ";VIP;"}, "")]
)
async def test_perform__moved__new_place_first_then_the_old_one_is_emptied(shop: Shop, before: Any, after: Any) -> None:
    await shop.perform({1: before})
    await shop.perform({1: after}, applied=before)
    attributes, metafields = shop.holds(1)
    assert {name: text for name, text in attributes.items() if text} == (
        {"tier": ";VIP;"} if after == {TIER: ";VIP;"} else {}
    )
    assert metafields == ({"tier": ";VIP;"} if after == {META: ";VIP;"} else {})


async def test_perform__fifty_attributes_there__metafield_and_said(shop: Shop) -> None:
    fill_with_attributes(shop, 49)
    both = {"attribute:headrace": ";country=France;", TIER: ";VIP;"}
    results = await shop.perform({1: both, 2: both, 3: ";country=France;"})
    held = {"attribute:headrace": ";country=France;", META: ";VIP;"}
    limited = Result("applied", "attribute_limit", "tier: attribute_limit", value=held)
    assert results == {1: limited, 2: limited, 3: Result("applied")}
    assert shop.holds(1) == ({"headrace": ";country=France;"}, {"tier": ";VIP;"})
    assert shop.told == [frozenset({"tier"})]
    assert shop.mirror.room.missing == frozenset({"tier"})
    assert not await shop.mirror.look_for_room()
    shop.simulator.world.people.delete_attribute(1)
    assert await shop.mirror.look_for_room()
    assert shop.told[-1] == frozenset()


async def test_perform__fifty_attributes_and_no_metafields__kept_here(database_url: str) -> None:
    async with opened(database_url, overflow=False) as shop:
        fill_with_attributes(shop)
        results = await shop.perform({1: ";country=France;"})
        assert (results[1].result, results[1].reason, results[1].value) == ("overflow", "attribute_limit", "")
        assert shop.holds(1) == ({}, {})


async def test_perform__attribute_of_another_type__metafield(shop: Shop) -> None:
    shop.simulator.world.people.create_attribute("tier", "number")
    await shop.perform({1: {TIER: ";VIP;"}})
    assert shop.holds(1) == ({}, {"tier": ";VIP;"})
    assert shop.attributes.reasons == {"tier": "the store's attribute of this name is a number, not a text"}


async def test_perform__metafield_there_already_and_id_not_known__set_all_the_same(shop: Shop) -> None:
    await shop.perform({number: {META: ";old;"} for number in range(1, 6)})
    names = [(f"{STORE}:{number}", "tier") for number in (1, 2)]
    await shop.database.write(lambda connection: delete_rows(connection, METAFIELDS, names))
    await shop.perform({number: {META: ";new;"} for number in range(1, 9)})
    assert all(shop.holds(number)[1] == {"tier": ";new;"} for number in range(1, 9))
    before = shop.calls()
    await shop.perform({number: {META: ";last;"} for number in range(1, 9)})
    assert shop.calls() - before == 1


async def test_perform__metafield_deleted_by_others__made_again(shop: Shop) -> None:
    await shop.perform({1: {META: ";a;"}, 2: {META: ";a;"}})
    shop.simulator.world.metafields.delete(1)
    await shop.perform({1: {META: ";b;"}, 2: {META: ";b;"}}, applied={META: ";a;"})
    assert [shop.holds(number)[1] for number in (1, 2)] == [{"tier": ";b;"}] * 2
    shop.simulator.world.metafields.delete(2)
    assert (await shop.perform({2: ""}, applied={META: ";b;"}))[2] == Result("applied")
    left = await shop.database.read(lambda connection: list(rows_of(connection, METAFIELDS, [f"{STORE}:2"])))
    assert left == []


async def test_perform__customer_gone__refused_alone(shop: Shop) -> None:
    shop.simulator.world.people.delete_customer(2)
    wanted = {TIER: ";VIP;", "metafield:interests": ";a;"}
    results = await shop.perform(dict.fromkeys((1, 2, 3), wanted))
    assert [(each.result, each.reason) for each in results.values()] == [
        ("applied", ""),
        ("refused", "customer_gone"),
        ("applied", ""),
    ]
    assert shop.holds(3) == ({"tier": ";VIP;"}, {"interests": ";a;"})


async def test_perform__attribute_deleted_by_others__made_again(shop: Shop) -> None:
    await shop.perform({1: {TIER: ";a;"}, 2: {TIER: ";a;"}})
    shop.simulator.world.people.delete_attribute(1)
    await shop.perform({1: {TIER: ";b;"}, 2: {TIER: ";b;"}}, applied={TIER: ";a;"})
    assert [shop.holds(number)[0] for number in (1, 2)] == [{"tier": ";b;"}] * 2


async def test_perform__attribute_not_shown_after_it_was_made__comes_again(shop: Shop) -> None:
    await shop.attributes.known([])
    shop.simulator.faults.order(
        [
            {
                "match": {"path": "/v3/customers/attributes", "method": "GET"},
                "reply": {"status": 200, "body": {"data": []}},
            }
        ]
    )
    made = shop.attributes.ensure

    async def forgetful(names: Sequence[str]) -> dict[str, int]:
        found = await made(names)
        shop.attributes.forget()  # as when another batch had an id refused meanwhile
        return found

    shop.attributes.ensure = forgetful  # type: ignore[method-assign]
    with pytest.raises(TryAgain, match="attribute_not_found") as raised:
        await shop.perform({1: {TIER: ";a;"}})
    assert raised.value.unknown
    await shop.perform({1: {TIER: ";a;"}})
    assert shop.holds(1)[0] == {"tier": ";a;"}


async def test_perform__another_replica_makes_the_attribute_first__its_id_is_taken(shop: Shop) -> None:
    await shop.attributes.known([])
    shop.simulator.world.people.create_attribute("tier", "string")
    await shop.perform({1: {TIER: ";a;"}})
    assert shop.holds(1)[0] == {"tier": ";a;"}
    assert shop.attributes.missing == frozenset()


@pytest.mark.parametrize("customers", [range(1, 3), range(1, 26)])
async def test_read_back__what_was_written__found_again(shop: Shop, customers: Sequence[int]) -> None:
    shop.mirror._definitions = {
        "tier": Definition("tier", mirror="store_attribute"),
        "interests": Definition("interests", mirror="metafield"),
    }
    texts = {TIER: ";VIP;", "metafield:interests": ";a;"}
    await shop.perform({1: texts, 2: ";country=France;"})
    before = shop.calls()
    found = await shop.mirror.read_back([f"{STORE}:{number}" for number in customers])
    assert found == {
        **dict.fromkeys((f"{STORE}:{number}" for number in customers), ""),
        f"{STORE}:1": texts,
        f"{STORE}:2": ";country=France;",
    }
    assert shop.calls() - before <= 5


async def test_read_back__long_lists_of_metafields__customers_one_by_one(shop: Shop) -> None:
    shop.mirror._definitions = {f"a{n}": Definition(f"a{n}", mirror="metafield") for n in range(30)}
    await shop.perform({1: {"metafield:a1": ";x;"}})
    found = await shop.mirror.read_back([f"{STORE}:{number}" for number in range(1, 6)])
    assert found[f"{STORE}:1"] == {"metafield:a1": ";x;"}
    assert shop.calls("GET /v3/customers/{id}/metafields") == 5


@pytest.mark.parametrize("match", ["/v3/customers/metafields", "/v3/customers/attribute-values"])
@pytest.mark.parametrize(
    "reply",
    [
        {"status": 500},
        {"status": 429, "headers": {"Retry-After": "0"}},
        {"drop": True},
        {"drop": True, "after": True},
        {"status": 502, "after": True},
        {"status": 200, "body": "no JSON", "after": True},
    ],
)
async def test_perform__call_goes_wrong__done_once_and_right(shop: Shop, match: str, reply: Any) -> None:
    wanted = {TIER: ";VIP;", INTERESTS: ";a;"}
    await shop.attributes.ensure(["tier"])
    shop.simulator.faults.order([{"match": {"path": match}, "reply": reply, "times": 1}])
    results = await shop.perform(dict.fromkeys(range(1, 11), wanted))
    assert set(results.values()) == {Result("applied")}
    assert all(shop.holds(number) == ({"tier": ";VIP;"}, {"interests": ";a;"}) for number in range(1, 11))
    assert shop.simulator.faults.waiting == []


@pytest.mark.parametrize(
    ("database_url", "seed"),
    [
        ("sqlite", 0),
        ("postgres", 1),
        pytest.param("sqlite", 1, marks=pytest.mark.slow),
        pytest.param("postgres", 0, marks=pytest.mark.slow),
    ],
    indirect=["database_url"],
)
async def test_perform__many_steps_with_losses_and_faults__the_store_holds_what_was_wanted(
    shop: Shop, seed: int
) -> None:
    """What the ledger forgot is read back, ids of metafields are lost, calls fail before or after they took effect."""
    dice = random.Random(seed)
    shop.mirror._definitions = {
        "tier": Definition("tier", mirror="store_attribute"),
        "interests": Definition("interests", mirror="metafield"),
    }
    places = ("attribute:headrace", TIER, META, INTERESTS, "metafield:headrace")
    known: dict[int, Any] = dict.fromkeys(range(1, CUSTOMERS + 1), "")
    for _ in range(15):
        chosen = dice.sample(sorted(known), dice.randint(1, 10))
        lost = [number for number in chosen if dice.random() < 0.2]
        if lost:
            found = await shop.mirror.read_back([f"{STORE}:{number}" for number in lost])
            known |= {number: found[f"{STORE}:{number}"] for number in lost}
            names = [(f"{STORE}:{number}", key) for number in lost for key in ("tier", "interests", "headrace")]
            await shop.database.write(lambda connection, names=names: delete_rows(connection, METAFIELDS, names))  # type: ignore[misc]
        path = dice.choice(["/v3/customers", "/v3/customers/metafields", "/v3/customers/attribute-values", "/none"])
        reply = dice.choice([{"status": 500}, {"drop": True, "after": True}, {"status": 502, "after": True}])
        shop.simulator.faults.order([{"match": {"path": path}, "reply": reply}])
        wanted = {
            number: {place: f";{dice.randint(1, 3)};" for place in dice.sample(places, dice.randint(0, 3))}
            for number in chosen
        }
        await shop.perform_each(wanted, known)
        known |= wanted
        shop.simulator.faults.clear()
        for number, texts in known.items():
            attributes, metafields = shop.holds(number)
            filled = {f"attribute:{name}": text for name, text in attributes.items() if text}
            assert filled | {f"metafield:{key}": text for key, text in metafields.items()} == (texts or {})
