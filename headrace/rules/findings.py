"""What can be wrong with a rule file: one catalogue of codes, the finding, and the report they are gathered in.

How findings are printed is the command's business.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Concatenate, Final, Literal, ParamSpec, TypeVar, get_args

from msgspec import Struct

Severity = Literal["error", "warning", "info"]
Code = Literal[
    # the file
    "file_unreadable",
    "file_too_big",
    "no_files",
    "not_utf8",
    "yaml_syntax",
    "yaml_feature",
    "too_deep",
    "too_large",
    "duplicate_key",
    # shape
    "wrong_shape",
    "missing_key",
    "unknown_key",
    "given_twice",
    "discounted_twice",
    "too_many",
    # scalars
    "empty_value",
    "bad_text",
    "not_a_whole_number",
    "not_an_amount",
    "ambiguous_amount",
    "other_currency",
    "not_true_false",
    "not_a_duration",
    "not_a_date",
    "unknown_choice",
    # store
    "unknown_timezone",
    "unknown_currency",
    # entries
    "bad_id",
    "duplicate_id",
    "renamed_from",
    "duplicate_group",
    "same_alias",
    "unknown_group",
    "group_not_ordered",
    "group_ordered_twice",
    "does_nothing",
    "past_missing",
    "past_unknown",
    "unknown_trigger",
    "unknown_action",
    "action_out_of_place",
    "effect_key_twice",
    "not_a_url",
    "not_a_percentage",
    "not_a_time_of_day",
    "rung_order",
    "ladder_open_below",
    "grace_out_of_place",
    "unknown_segment",
    "unknown_rung",
    "group_not_declared",
    "past_membership",
    "cycle",
    "owner_or_goal_missing",
    # conditions
    "unknown_field",
    "unknown_operator",
    "several_conditions",
    "several_operators",
    "element_test_missing",
    "order_field_out_of_place",
    "empty_range",
    "bad_pattern",
    "bad_domain",
    "unknown_country",
    "unknown_state",
    "unknown_calendar",
    "bad_calendar",
    "bad_schedule",
    "several_windows",
    "window_not_kept",
    "crosses_not_in_rule",
    "unknown_channel",
    "unknown_postcode",
    "bad_postcodes",
    # lint: what is probably not meant
    "tier_gap",
    "tier_overlap",
    "never_fires",
    "never_holds",
    "never_leaves",
    "should_be_segment",
    "never_done",
    "unless_idle",
    "consumer_refuses",
    "consumer_unknown",
    "shadowed",
    "email_not_domain",
    "public_domain",
    "holds_when_unset",
    "spelled_differently",
    "too_many_attributes",
    "group_unused",
    "review_overdue",
    "status_may_be_missed",
    # templates and golden cases
    "not_rules",
    "missing_parameter",
    "unknown_parameter",
    "unused_parameter",
    "case_impossible",
]


class Finding(Struct, frozen=True, kw_only=True):
    """One thing to say about a rule file. `line` and `column` count from 1; `id` is the entry's, if it is in one."""

    code: Code
    severity: Severity
    file: str
    line: int
    column: int
    id: str | None
    message: str
    hint: str


class Meaning(Struct, frozen=True):
    """A code explained: in a line, and by what brings it about."""

    text: str
    example: str
    severity: Severity = "error"


CATALOGUE: Final[dict[Code, Meaning]] = {
    "file_unreadable": Meaning("the file cannot be read", "rules.yaml without read permission"),
    "file_too_big": Meaning("a file, or all of them together, is larger than allowed", "a file of 2 MiB"),
    "no_files": Meaning("a folder holds no rule file, or too many", "a folder without any .yaml"),
    "not_utf8": Meaning("the file is not UTF-8 text", "a file saved as Latin-1"),
    "yaml_syntax": Meaning("the file is not YAML", "groups: [Gold"),
    "yaml_feature": Meaning("YAML that rule files do without", "<<: *base"),
    "too_deep": Meaning("nested deeper than allowed", "not: {not: {not: ... }} a hundred times"),
    "too_large": Meaning("more values than allowed, aliases counted in full", "a list of aliases of lists of aliases"),
    "duplicate_key": Meaning("the same key twice in one mapping", "{above: 5, above: 6}"),
    "wrong_shape": Meaning("a list, a mapping or a single value where another is needed", "rules: order.placed"),
    "missing_key": Meaning("a required key is not there", "a segment without who"),
    "unknown_key": Meaning("a key that means nothing here", "segmens: []"),
    "discounted_twice": Meaning(
        "two discounts of a group for the same thing", "discounts: [{percent: 10}, {percent: 20}]"
    ),
    "given_twice": Meaning("two files of one rule set say what only one may", "store in a.yaml and in b.yaml"),
    "too_many": Meaning("a list or a rule set is longer than allowed", "20,000 domains in one list"),
    "empty_value": Meaning("a key without a value, or an empty list or text", "group:"),
    "bad_text": Meaning("a text with characters or of a length that no platform takes", 'name: "a;b" of an attribute'),
    "not_a_whole_number": Meaning("a number of things is digits only", "customer.orders: {above: 1e5}"),
    "not_an_amount": Meaning("an amount is digits with a point before the cents", "customer.spend: {above: lots}"),
    "ambiguous_amount": Meaning("an amount that two people read differently", "customer.spend: {above: 10.000}"),
    "other_currency": Meaning("an amount in a currency that is not the store's", "above: 500 EUR in a GBP store"),
    "not_true_false": Meaning("a yes-or-no value is true or false", "customer.subscribed: yes"),
    "not_a_duration": Meaning("a duration is a number and a unit in words", "grace: 90d"),
    "not_a_date": Meaning("a date is written year-month-day", "review_by: 1/2/2027"),
    "unknown_choice": Meaning("not one of the words allowed here", "amount: totl"),
    "unknown_timezone": Meaning("not a name of the IANA time zone list", "timezone: EST5"),
    "unknown_currency": Meaning("not a code of ISO 4217", "currency: pounds"),
    "bad_id": Meaning("an id is letters, digits, '-', '_' and '.'", "id: my rule"),
    "duplicate_id": Meaning("two entries have the same id", "two segments with id vip"),
    "renamed_from": Meaning(
        "renamed_from names an entry that is still here, or two entries claim it", "id and renamed_from: vip"
    ),
    "duplicate_group": Meaning("a group is declared twice", "{name: Gold} and {name: gold}"),
    "same_alias": Meaning(
        "two groups would have one name on a platform", "{name: Gold, alias: {bigcommerce: Silver}} and {name: Silver}"
    ),
    "unknown_group": Meaning("a group that is not under groups", "group: Glod"),
    "group_not_ordered": Meaning("a group is used but has no place in group_order", "group_order: [] and group: Gold"),
    "group_ordered_twice": Meaning("group_order names a group twice", "group_order: [Gold, Gold]"),
    "does_nothing": Meaning("an entry that gives no group, attribute or tag", "a segment with id and who only"),
    "past_unknown": Meaning(
        "older orders do not tell when this happened", "when: cart.abandoned, past: apply", "error"
    ),
    "past_missing": Meaning("a rule that assigns a group says nothing of older orders", "then: [{assign_group: Gold}]"),
    "unknown_trigger": Meaning("no such trigger", "when: order.plced"),
    "unknown_action": Meaning("no such action", "then: [{asign_group: Gold}]"),
    "action_out_of_place": Meaning(
        "an action that is no effect, where only effects stand", "on_enter: [{tag: {mailchimp: VIP}}]"
    ),
    "effect_key_twice": Meaning("two effects of one entry have the same key", "key: thanks, and key: thanks"),
    "not_a_url": Meaning("not an address of the web", "webhook: erp.example.com"),
    "not_a_percentage": Meaning("a percentage that is not 1 to 100", "issue_coupon: {percent: 150}"),
    "not_a_time_of_day": Meaning("a time of the day is hours and minutes", "quiet_hours: {from: 9pm, to: 08:00}"),
    "rung_order": Meaning("rungs are not strictly ascending", "[{from: 2000}, {from: 1000}]"),
    "ladder_open_below": Meaning("customers below the first rung are on none", "the first rung has from: 100", "info"),
    "grace_out_of_place": Meaning(
        "one_step without a grace, or a grace where nobody goes down", "demote: one_step and no grace"
    ),
    "unknown_segment": Meaning("no segment has this id", "customer.in_segment: vpi"),
    "unknown_rung": Meaning("no ladder has such a rung", "customer.on_rung: loyalty/Glod"),
    "group_not_declared": Meaning(
        "a test on a group that is not under groups", "customer.group: Press, with no such group", "warning"
    ),
    "past_membership": Meaning(
        "older orders are judged by a membership nobody kept", "past: apply and if: {customer.in_segment: vip}"
    ),
    "cycle": Meaning("entries read what they themselves set, in a circle", "who: attribute tier, attributes: tier"),
    "owner_or_goal_missing": Meaning("nobody is named, or no purpose, for an entry", "a rule without owner", "info"),
    "unknown_field": Meaning("no such field of a customer, an order or a line", "customer.spent: 5"),
    "unknown_operator": Meaning("this field has no such operator", "customer.spend: {starts_with: 5}"),
    "several_conditions": Meaning("several conditions in one mapping", "{customer.orders: 1, customer.items: 2}"),
    "several_operators": Meaning("several operators in one test", "{above: 1, is_not: 5}"),
    "element_test_missing": Meaning("a list is tested without any, all, none or count", "order.lines: {brand: Apple}"),
    "order_field_out_of_place": Meaning("an order's field where there is no order", "a segment on order.value"),
    "empty_range": Meaning("a range nothing can lie in", "{from: 200, below: 100}"),
    "bad_pattern": Meaning("not a regular expression RE2 can run", "matches: '('"),
    "bad_domain": Meaning("not the part of an e-mail address after the @", "customer.email_domain: '@acme.com'"),
    "unknown_country": Meaning("no country has this name or code", "country: Untied Kingdom"),
    "unknown_state": Meaning("a state code that is unknown or belongs to several countries", "state: WA"),
    "unknown_channel": Meaning("no channel has this name", "order.channel: onlien"),
    "unknown_postcode": Meaning(
        "a postcode that is not in the file of postcodes, or in two countries", "radius: {within: {km: 5, of: 99999}}"
    ),
    "bad_postcodes": Meaning("the file of postcodes cannot be read", "postcodes: ../zips.csv"),
    "tier_gap": Meaning(
        "one exact value lies in none of several tiers", "Silver below 2000, Gold above 2000", "warning"
    ),
    "tier_overlap": Meaning("two tiers hold at once", "tier: Gold above 1000, tier: VIP above 5000", "warning"),
    "never_fires": Meaning(
        "a rule looks before the number can be anything", "customer.created and customer.spend above 1000", "warning"
    ),
    "never_holds": Meaning("tests that exclude each other", "all: orders above 5, orders below 3", "warning"),
    "never_leaves": Meaning(
        "a rule puts customers into a group by their orders, and no refund lets them out",
        "order.placed, spend from 1000, assign_group",
        "warning",
    ),
    "should_be_segment": Meaning(
        "a rule states a lasting property", "customer.created, email_domain, add_attribute", "info"
    ),
    "never_done": Meaning(
        "an action whose unless always holds when its time has come",
        "spend from 1000, on_enter: {send_email: x, after: 7 days, unless: {customer.spend: {from: 500}}}",
        "warning",
    ),
    "unless_idle": Meaning(
        "an unless that never holds when its time has come",
        "spend from 1000, on_enter: {send_email: x, after: 7 days, unless: {customer.spend: {below: 1000}}}",
        "info",
    ),
    "consumer_refuses": Meaning(
        "an effect of your own whose consumer does not take what is said", "do: {points.grant: {points: many}}"
    ),
    "consumer_unknown": Meaning(
        "an effect of your own by a consumer that is not installed here", "do: {pionts.grant: {points: 100}}", "info"
    ),
    "shadowed": Meaning("a claim of a group that another always wins over", "VIP below Gold in group_order", "warning"),
    "email_not_domain": Meaning("a text sought in whole addresses", "customer.email: {contains: acme}", "warning"),
    "public_domain": Meaning("a domain at which anybody has an address", "email_domain: {in: [gmail.com]}", "warning"),
    "holds_when_unset": Meaning(
        "a negative test that also holds without a value", "customer.company: {is_not: Acme}", "info"
    ),
    "spelled_differently": Meaning("one name in two spellings", "group Gold, tag gold", "warning"),
    "too_many_attributes": Meaning("more attributes than a store takes", "51 names of attributes", "warning"),
    "group_unused": Meaning("a group that no entry gives", "{name: Bronze} and nothing else", "info"),
    "review_overdue": Meaning("the day of an entry's review has passed", "review_by: 2020-01-01", "info"),
    "status_may_be_missed": Meaning(
        "a change of status that lies between two reads", "order.status_changed: {to: shipped}", "info"
    ),
    "not_rules": Meaning("a file of another kind among the rule files", "headrace lint examples/templates"),
    "missing_parameter": Meaning("a template's parameter without a value", "--set left out for one without a default"),
    "unknown_parameter": Meaning("a parameter the template does not have", "customer.spend: {from: $treshold}"),
    "unused_parameter": Meaning("a template declares a parameter and never uses it", "parameters: {threshold: ...}"),
    "case_impossible": Meaning("a step of a golden case that cannot happen", "{refund: {order: 2}} before order 2"),
    "unknown_calendar": Meaning("a calendar that is not under calendars", "calendar: black_fryday"),
    "bad_calendar": Meaning("days that make no calendar", "{every_year: {on: 6th monday of may}}"),
    "bad_schedule": Meaning("no schedule of five fields, or one that comes too often", 'schedule: "* * * * *"'),
    "several_windows": Meaning("an aggregate over two windows", "{from: 5, within: 90 days, this: month}"),
    "window_not_kept": Meaning("visits are counted by days, for a little more than a year", "{within: 3 years}"),
    "crosses_not_in_rule": Meaning(
        "before and after differ only where something happens", "a segment on customer.spend: {crosses: 500}"
    ),
}
assert set(CATALOGUE) == set(get_args(Code))


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands; line and column count from 1."""

    file: str
    line: int
    column: int


MAX_ERRORS: Final = 500
"""After so many errors reading stops: the file is something else than a rule file."""


class Enough(Exception):
    """Raised by `Report.add` when `MAX_ERRORS` errors are recorded."""


class Refused(Exception):
    """Raised by readers of a value; `Report.tried` makes it a finding."""

    def __init__(self, code: Code, place: Place, message: str, hint: str) -> None:
        super().__init__(message)
        self.code, self.place, self.message, self.hint = code, place, message, hint


P = ParamSpec("P")
N = TypeVar("N")
T = TypeVar("T")


@dataclass(slots=True)
class Report:
    """Gathers findings while a rule set is read; `entry` is the id of the one being read."""

    findings: list[Finding] = field(default_factory=list)
    entry: str | None = None
    errors: int = 0

    def add(self, code: Code, place: Place, message: str, hint: str, *, id: str | None = None) -> None:
        """Record one finding, of the severity its code has."""
        self.findings.append(
            Finding(
                code=code,
                severity=CATALOGUE[code].severity,
                file=place.file,
                line=place.line,
                column=place.column,
                id=id if id is not None else self.entry,
                message=message,
                hint=hint,
            )
        )
        self.errors += CATALOGUE[code].severity == "error"
        if self.errors >= MAX_ERRORS:
            raise Enough

    def tried(self, read: Callable[Concatenate[N, P], T], node: N, *args: P.args, **kwargs: P.kwargs) -> T | None:
        """What `read` returns, or None after recording why it refused."""
        try:
            return read(node, *args, **kwargs)
        except Refused as refused:
            self.add(refused.code, refused.place, refused.message, refused.hint)
            return None

    @contextmanager
    def inside(self, entry: str | None) -> Iterator[None]:
        """Findings recorded meanwhile carry this entry's id."""
        before, self.entry = self.entry, entry
        try:
            yield
        finally:
            self.entry = before

    @property
    def refused(self) -> bool:
        """Whether anything recorded so far is an error."""
        return self.errors > 0

    def sorted(self) -> tuple[Finding, ...]:
        """All findings, by place."""
        return tuple(sorted(self.findings, key=lambda f: (f.file, f.line, f.column, f.code)))


def quoted(text: str, limit: int = 60) -> str:
    """Text of a rule file as a message shows it: on one line, not endless."""
    shown = text if len(text) <= limit else text[: limit - 1] + "…"
    return repr(shown)


def did_you_mean(word: str, known: list[str] | tuple[str, ...], *, otherwise: str) -> str:
    """A hint: the known word that is nearest (by spelling, or as the tail after a dot), else `otherwise`."""
    word = word[:200]
    lowered = {name.casefold(): name for name in reversed(known)}
    tails = [name for name in known if name.rpartition(".")[2] == word.casefold()]
    near = tails[:1] or [lowered[hit] for hit in get_close_matches(word.casefold(), lowered, n=1, cutoff=0.6)]
    return f"did you mean {near[0]!r}?" if near else otherwise
