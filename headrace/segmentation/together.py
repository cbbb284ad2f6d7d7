"""Many conditions asked at once, and many timers: for each plan one function is written that asks nothing twice.

What it is for two segments, `customer.spend above 100` and `customer.last_order_at older than 30 days`:

    def ask(facts):
        clock = EARLIEST if facts.now is None else facts.now
        a0 = facts.totals.spend
        a1 = facts.totals.last
        a2 = None if a1 is None else day_of(a1, c1)         # its day in the store's zone
        a2_0, = edges_a2(a2)                                # when it is 30 days old
        return (
            (a0 > c0),
            (clock >= a2_0),
        )

Its text is made of templates, here and in `conditions/` (`written.py`), of places and of numbered names: whatever rules
say is in the constants `c0`, `c1`... What a leaf means is said in `conditions/`; the families written out here are the
common ones, all others are called.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from types import CodeType
from typing import Any, Final

from headrace.rules.model import Between, Ladder
from headrace.segmentation.conditions.change import Change, Timed
from headrace.segmentation.conditions.tree import Aged, Asked, Compared, Labelled, Tree, leaves
from headrace.segmentation.days import day_of
from headrace.segmentation.facts import Facts
from headrace.segmentation.written import expression

Number = Callable[[Facts], int | None]
NEVER: Final = datetime.max.replace(tzinfo=UTC)
"""Stands for no moment at all, later than any."""
_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
"""Without a clock nothing has passed yet."""
_COMPARED: Final[Mapping[str, str]] = {
    "is": "{value} == {bound}",
    "is_not": "{value} != {bound}",
    "above": "{value} is not None and {value} > {bound}",
    "from": "{value} is not None and {value} >= {bound}",
    "below": "{value} is not None and {value} < {bound}",
    "up_to": "{value} is not None and {value} <= {bound}",
    "between": "{value} is not None and {bound} <= {value} < {end}",
    "is_set": "{value} is not None",
    "is_unset": "{value} is None",
}
_FROM: Final[Mapping[str, str]] = {"above": ">", "from": ">="}


def judge(conditions: Iterable[Tree | None]) -> Callable[[Facts], tuple[bool, ...]]:
    """Whether each of these holds; None always does."""
    conditions = tuple(conditions)
    written = _Written(Counter(leaf for tree in conditions if tree is not None for leaf in leaves(tree)))
    return written.function(["True" if tree is None else written.condition(tree) for tree in conditions])


def rung_numbers(ladders: Iterable[tuple[Number, Ladder]]) -> Callable[[Facts], tuple[int, ...]]:
    """The rung that each of these numbers is on, as `ladders.rung_of` says it."""
    written = _Written()
    return written.function([written.rung(read, ladder) for read, ladder in ladders])


def next_changes(entries: Iterable[Timed]) -> Callable[[Facts], tuple[datetime, ...]]:
    """When time alone changes each of these next; `NEVER` where it does not."""
    written = _Written()
    return written.function([written.earliest(list(map(written.change, one.changes))) for one in entries])


class _Written:
    """The lines of one function, and what they name. `uses`: how often a leaf is asked."""

    def __init__(self, uses: Mapping[Asked, int] | None = None) -> None:
        self._uses = uses or {}
        self._lines: list[str | _Edges] = []
        self._days = dict[str, _Edges]()
        self._names = dict[object, str]()
        self._named = dict[int, str]()
        self._constants: dict[str, Any] = {"EARLIEST": _EARLIEST, "NEVER": NEVER, "day_of": day_of}

    def condition(self, tree: Tree) -> str:
        """An expression of whether it holds."""
        if isinstance(tree, Asked):
            return f"({self._leaf(tree)})"
        parts = [self.condition(part) for part in tree.of]
        return f"(not {parts[0]})" if tree.word == "not" else f"({f' {tree.word} '.join(parts)})"

    def _leaf(self, leaf: Asked) -> str:
        match leaf.as_one_of:
            case Compared(read=read, operator=operator, operand=operand, unset=unset):
                low, high = (operand.low, operand.high) if isinstance(operand, Between) else (operand, None)
                value, bound, end = self._read(read), self._constant(low), self._constant(high)
                compared = _COMPARED[operator].format(value=value, bound=bound, end=end)
                return compared if unset else compared.removeprefix(f"{value} is not None and ")
            case Labelled(of=of, name=name, test=test, negated=negated):
                tested = f"{self._constant(test)}({self._read(of)}.get({self._constant(name)}, ()))"
                return f"not {tested}" if negated else tested
            case Aged(read=read, older=older) as aged:
                value, edge = self._read(read), self._edge(aged)
                return f"clock >= {edge}" if older else f"{value} is not None and clock < {edge}"
            case _ if self._uses[leaf] == 1:
                return expression(leaf.holds, self._constant)  # where the parts before it decide, it is not asked
            case _:
                return self._read(leaf.holds)

    def rung(self, read: Number, ladder: Ladder) -> str:
        """An expression of the number of the highest rung whose bound is met; unset counts as 0."""
        value = self._once(("number", read), f"{expression(read, self._constant)} or 0")
        rungs = list(enumerate(ladder.rungs))
        start = max(number for number, rung in rungs if number == 0 or rung.bound == "start")
        met = [
            f"{number} if {value} {_FROM[rung.bound]} {self._constant(rung.threshold)} else"
            for number, rung in rungs[:start:-1]
        ]
        return f"({' '.join((*met, str(start)))})"

    def change(self, change: Change) -> str:
        """The name of when a leaf changes next."""
        if isinstance(change, Aged):
            edge = self._edge(change)
            return self._once(("change", edge), f"NEVER if clock >= {edge} else {edge}")
        return self._once(("change", change), f"{expression(change, self._constant)} or NEVER")

    def earliest(self, moments: list[str]) -> str:
        """The first of these."""
        return moments[0] if len(moments) == 1 else f"min({', '.join(moments)})"

    def function(self, found: list[str]) -> Callable[[Facts], Any]:
        """The function that gives these expressions."""
        self._constants |= {f"edges_{name}": _edges_of(tuple(day.names)) for name, day in self._days.items()}
        body = ["clock = EARLIEST if facts.now is None else facts.now", *map(str, self._lines)]
        body += ["return (", *(f"    {one}," for one in found), ")"]
        text = "def ask(facts):\n" + "".join(f"    {line}\n" for line in body)
        made: dict[str, Any] = {}
        exec(_compiled(text), self._constants, made)  # noqa: S102  # no word of a rule is in it, see above
        function: Callable[[Facts], Any] = made["ask"]
        return function

    def _read(self, read: Callable[[Facts], Any]) -> str:
        return self._once(read, expression(read, self._constant))

    def _edge(self, aged: Aged) -> str:
        value = self._read(aged.read)
        if aged.zone is None:
            edge = self._constant(aged.edge)
            return self._once((edge, value), f"NEVER if {value} is None else {edge}({value}) or NEVER")
        zone = self._constant(aged.zone)
        day = self._once((value, zone), f"None if {value} is None else day_of({value}, {zone})")
        if day not in self._days:
            self._days[day] = _Edges(day)
            self._lines.append(self._days[day])
        return self._days[day].name(aged.edge)

    def _once(self, what: object, expression: str) -> str:
        """The name of a value that several may ask for."""
        if what not in self._names:
            self._names[what] = f"a{len(self._names)}"
            self._lines.append(f"{self._names[what]} = {expression}")
        return self._names[what]

    def _constant(self, value: object) -> str:
        name = self._named.setdefault(id(value), f"c{len(self._named)}")
        self._constants[name] = value
        return name


_Edge = Callable[[date], datetime | None]


@dataclass(frozen=True, slots=True)
class _Edges:
    """The line of all edges that are asked of one day: whole once they are all known."""

    day: str
    names: dict[_Edge, str] = field(default_factory=dict)

    def name(self, edge: _Edge) -> str:
        """The name of one of them."""
        return self.names.setdefault(edge, f"{self.day}_{len(self.names)}")

    def __str__(self) -> str:
        return f"{', '.join(self.names.values())}, = edges_{self.day}({self.day})"


@lru_cache(maxsize=128)
def _edges_of(edges: tuple[_Edge, ...]) -> Callable[[date | None], tuple[datetime, ...]]:
    """These edges of a day, found once for all customers who have a time on it."""
    return lru_cache(maxsize=2048)(
        lambda day: tuple([NEVER if day is None else edge(day) or NEVER for edge in edges]),
    )


@lru_cache(maxsize=1024)
def _compiled(text: str) -> CodeType:
    """Rule sets that differ in numbers only have the same text."""
    return compile(text, "<together>", "exec")
