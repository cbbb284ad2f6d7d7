"""What each hook needs: one at our address for each scope, awake, with our header."""

from dataclasses import replace

from headrace.platforms.bigcommerce import Hook
from services.ingest.hook_plan import HookPlan, Wanted, plan_hooks

URL, OLD = "https://new.example/hook", "https://old.example/hook"
WANTED = Wanted(URL, ["store/order/created"], {"X-Shared": "secret"})
OURS = Hook(1, "store/order/created", URL, True, (("x-shared", "secret"),))


def test_plan__at_our_address_awake_with_our_header__in_place() -> None:
    assert plan_hooks([OURS], WANTED) == HookPlan(in_place=(OURS,))
    assert plan_hooks([OURS], WANTED).is_done


def test_plan__nothing_there__is_made() -> None:
    assert plan_hooks([], WANTED) == HookPlan(create=("store/order/created",))


def test_plan__asleep__is_woken() -> None:
    asleep = replace(OURS, active=False)
    assert plan_hooks([asleep], WANTED) == HookPlan(activate=(asleep,))


def test_plan__another_header__is_corrected_and_others_are_kept() -> None:
    for headers in ((), (("X-Shared", "old"), ("X-Theirs", "y"))):
        hook = replace(OURS, headers=headers)
        assert plan_hooks([hook], WANTED) == HookPlan(update=(hook,))
    assert WANTED.headers_of(hook) == {"X-Theirs": "y", "X-Shared": "secret"}


def test_plan__store_tells_no_headers__is_believed() -> None:
    silent = replace(OURS, headers=None)
    assert plan_hooks([silent], WANTED).is_done


def test_plan__at_the_address_we_moved_from__is_sent_here() -> None:
    old = replace(OURS, destination=OLD)
    assert plan_hooks([old], replace(WANTED, moved_from=OLD)) == HookPlan(update=(old,))
    assert plan_hooks([old], WANTED) == HookPlan(create=("store/order/created",), elsewhere=(old,))
    both = plan_hooks([OURS, old], replace(WANTED, moved_from=OLD))
    assert (both.in_place, both.update, both.elsewhere) == ((OURS,), (), (old,))


def test_plan__scopes_we_do_not_need__are_nobody_s_business() -> None:
    assert plan_hooks([OURS, Hook(9, "store/product/updated", URL, True)], WANTED).is_done
