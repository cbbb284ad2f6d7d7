"""One customer, found in the live state or folded from the log up to a time, with the rule set it stands under.

Only that customer's records are kept; nothing is changed and nobody is told anything.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches

from headrace.contracts.events import Clock
from headrace.contracts.topics import EVENTS, PARTITION_WIDE_KEY, changelog, partition_of
from headrace.runtime.generations import live_generation
from headrace.runtime.kafka import topic
from headrace.runtime.settings import KafkaSettings
from headrace.segmentation.codec import StateUnreadable
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.state import State
from services.evaluator.activations import Activations
from services.evaluator.customer import StoredPages, open_customer
from services.evaluator.engine.restore import take
from services.evaluator.engine.state import PAGE_SIGN, Partition
from services.evaluator.replay.cut import before_passing
from services.evaluator.replay.generations import Generations
from services.evaluator.replay.log_reader import LogRecord, bounds, read_log
from services.evaluator.replay.partition import fold_into, settle
from services.evaluator.replay.pool import rule_sets_of
from services.evaluator.replay.refused import Refused
from services.evaluator.rules_feed import RuleSets
from services.evaluator.source import SetAside, decode


@dataclass(frozen=True, slots=True)
class Found:
    """`rules` None: none are in force. `now`: the store's time it is seen at, None before its first clock."""

    state: State
    pages: StoredPages
    rules: CompiledRules | None
    now: datetime | None


def find_live(settings: KafkaSettings, customer: str) -> Found:
    """As the live generation has it, with all that is pending shown to it. Raises `Refused`."""
    generations, live = Generations(settings), live_generation(settings)
    if live not in generations.existing():
        raise Refused("no_live_generation", f"generation {live} has no changelog", "run `headrace topics create`")
    key = customer.encode()
    number = partition_of(key, generations.partitions())
    name = topic(settings, changelog(live))
    begin, end = bounds(settings, name, (number,))[number]
    partition = Partition(number)
    for records in read_log(settings, name, number, begin=begin, end=end):
        take(partition, [record for record in records if _is_of(record.key, key)])
    partition.restored()
    rule_sets = rule_sets_of(settings)
    settle(settings, rule_sets, partition)
    return _found(partition, rule_sets, customer, f"no state of {customer} is kept")


def find_at(settings: KafkaSettings, customer: str, at: datetime) -> Found:
    """As it was when the store's clock had not passed `at`. Raises `Refused`."""
    key, store = customer.encode(), customer.partition(":")[0]
    partitions = Generations(settings).partitions()
    if not partitions:
        raise Refused("topics_missing", "there is no log of events", "run `headrace topics create`")
    number, name = partition_of(key, partitions), topic(settings, EVENTS)
    begin, end = bounds(settings, name, (number,))[number]
    if begin:
        raise Refused(
            "log_incomplete",
            f"the beginning of the log is gone (partition {number}: offsets 0 to {begin - 1})",
            "leave --at away: the present state is kept beside the log",
        )
    partition = Partition(number)
    records = _up_to(read_log(settings, name, number, begin=begin, end=end), at, store)
    rule_sets = rule_sets_of(settings)
    fold_into(settings, rule_sets, partition, (_until(batch, key, at) for batch in records))
    return _found(partition, rule_sets, customer, f"{customer} was not known yet at {at.isoformat()}")


def _found(partition: Partition, rule_sets: RuleSets, customer: str, missing: str) -> Found:
    key, store = customer.encode(), customer.partition(":")[0]
    try:
        state = open_customer(partition, key).state
    except StateUnreadable as error:
        raise Refused("state_unreadable", f"the state of {customer} cannot be read: {error}") from error
    if state is None:
        raise Refused("unknown_customer", missing, _hint(customer, rule_sets))
    activations = Activations(partition, rule_sets)
    rules = activations.rules_of(store, state.rules_version)
    return Found(state, StoredPages(partition, key), rules, activations.now(store))


def _hint(customer: str, rule_sets: RuleSets) -> str:
    store, _, number = customer.partition(":")
    stores = rule_sets.stores()
    if not stores or store in stores:
        return "a customer is named store:number, with the number that the store gives it"
    near = stores if len(stores) == 1 else get_close_matches(store, stores, 1)
    return f"did you mean {near[0]}:{number}?" if near else f"the stores with rules are {', '.join(stores)}"


def _is_of(name: bytes | None, key: bytes) -> bool:
    return name is not None and (name in (key, PARTITION_WIDE_KEY) or name.startswith(key + PAGE_SIGN))


def _until(records: Sequence[LogRecord], key: bytes, at: datetime) -> Sequence[LogRecord]:
    """What concerns the customer, without what happened after `at` and came before the clock had passed it."""
    return [record for record in records if record.key in (key, PARTITION_WIDE_KEY) and not _is_later(record, at)]


def _is_later(record: LogRecord, at: datetime) -> bool:
    try:
        return decode(record).envelope.time > at
    except SetAside:
        return False


def _up_to(batches: Iterable[Sequence[LogRecord]], at: datetime, store: str) -> Iterator[Sequence[LogRecord]]:
    """The records before the store's clock passes `at`. Raises `Refused` when it begins later than that."""
    begun = False
    for records in batches:
        first = None if begun else _first_clock(records, store)
        if first is not None and first > at:
            raise Refused(
                "before_the_log",
                f"the log of {store} begins at {first.isoformat()}: nothing is known of {at.isoformat()}",
                "name a later time",
            )
        begun = begun or first is not None
        count = before_passing(records, at, store)
        if count is not None:
            yield records[:count]
            return
        yield records


def _first_clock(records: Sequence[LogRecord], store: str) -> datetime | None:
    for record in records:
        if record.key == PARTITION_WIDE_KEY:
            try:
                data = decode(record).data
            except SetAside:
                continue
            if isinstance(data, Clock) and data.store == store:
                return data.now
    return None
