"""Quiet hours and caps go along with marketing effects, by the customer's own clock where it is known."""

import pytest

from headrace.contracts.effects import Cap, Quiet
from headrace.segmentation.sparing import sparing_of
from headrace.segmentation.state import Place, Profile
from tests.headrace.segmentation.acting import START, Story, compiled

RULES = """
quiet_hours: {from: 21:00, to: 08:00}
frequency_cap: {at_most: 3, per: 7 days}
rules:
- {id: thanks, when: order.placed, then: [{send_email: thank-you}, {notify_staff: {channel: shop, text: An order}}]}
"""


def living(*places: Place) -> Profile:
    return Profile(revision="r", created_at=START, modified_at=START, places=places)


@pytest.mark.parametrize(
    ("profile", "zone"),
    [
        (None, None),
        (living(), None),
        (living(Place(country="US", state="hawaii")), "Pacific/Honolulu"),
        (living(Place(country="RU"), Place(country="DE", state="bavaria")), "Europe/Berlin"),
        (living(Place(country="US", state="atlantis")), None),
    ],
)
def test_quiet_for__address__its_zone_else_the_stores(profile: Profile | None, zone: str | None) -> None:
    rules = compiled(RULES)
    assert rules.sparing is not None
    stores = rules.rule_set.store.timezone
    assert rules.sparing.quiet_for(profile) == Quiet(start="21:00", end="08:00", zone=zone or stores)


def test_effects__marketing__tells_of_both_and_a_note_to_staff_of_none() -> None:
    story = Story(compiled(RULES))
    story.customer(subscribed=True)
    story.order("10", 100)
    mail, note = sorted(story.effects, key=lambda effect: effect.kind, reverse=True)
    assert (mail.kind, mail.cap) == ("send_email", Cap(at_most=3, per_s=7 * 86_400))
    assert mail.quiet is not None
    assert (note.kind, note.quiet, note.cap) == ("notify_staff", None, None)


def test_sparing_of__rules_without_either__none() -> None:
    assert sparing_of(compiled("rules: []").rule_set) is None
