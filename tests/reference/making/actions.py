"""Actions as a merchant writes them: labels, groups, effects, what waits and what may happen once."""

from random import Random
from typing import Any

from tests.reference.making.conditions import Conditions, Written
from tests.reference.making.words import ATTRIBUTES, GROUPS, PLATFORMS, SPANS, TAGS, VALUES, one_or_many

EFFECTS: tuple[Written, ...] = (
    {"send_email": {"template": "thank-you"}},
    {"issue_coupon": {"percent": 10, "for": "next_order"}},
    {"webhook": {"url": "https://example.org/hook"}},
    {"notify_staff": {"to": "staff@example.org", "text": "look"}},
    {"stop_sequence": {"name": "welcome", "platform": "klaviyo"}},
)


class Actions:
    """Draws the actions of one entry. `number`: of the next key, so that each is one of its own."""

    def __init__(self, random: Random, ids: Any) -> None:
        self._random = random
        self._ids = ids
        self._number = 0

    def of_rule(self) -> list[Written]:
        """One to three."""
        return [self._action() for _ in range(self._random.choice((1, 1, 2, 2, 3)))]

    def effects(self, once: tuple[str, ...]) -> list[Written]:
        """On entering or leaving."""
        return [self._effect(once) for _ in range(self._random.choice((1, 1, 2)))]

    def _action(self) -> Written:
        random = self._random
        kind = random.choice(("group", "add", "add", "remove", "tag", "untag", "list", "effect", "effect"))
        if kind == "effect":
            return self._effect(("customer", "always"))
        action = self._label(kind)
        if random.random() < 0.15:
            action |= self._later()
        return action

    def _label(self, kind: str) -> Written:
        random = self._random
        platform = random.choice(PLATFORMS)
        match kind:
            case "group":
                return {"assign_group": random.choice(GROUPS)}
            case "add":
                return {"add_attribute": {random.choice(ATTRIBUTES): one_or_many(random, VALUES)}}
            case "remove":
                return {"remove_attribute": {random.choice(ATTRIBUTES): one_or_many(random, VALUES)}}
            case "list":
                return {random.choice(("add_to_list", "remove_from_list")): {platform: "Newsletter"}}
        return {kind: {platform: one_or_many(random, TAGS)}}

    def _effect(self, once: tuple[str, ...]) -> Written:
        random = self._random
        self._number += 1
        effect = dict(random.choice(EFFECTS)) | {"key": f"k{self._number}"}
        if random.random() < 0.4:
            effect["once"] = random.choice(once)
        if random.random() < 0.3:
            effect |= self._later()
        return effect

    def _later(self) -> Written:
        random = self._random
        later: Written = {"after": random.choice(SPANS)}
        if random.random() < 0.4:
            later["unless"] = Conditions(random, ids=self._ids, labels=random.random() < 0.3).condition(1)
        return later
