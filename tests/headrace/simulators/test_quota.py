"""Windows shared with another app, and limits of calls at one time."""

from headrace.simulators.quota import AtOnce, StoreQuota


def test_quota__window_full__refuses_until_the_next() -> None:
    quota = StoreQuota(quota=3, window_s=30)
    assert [quota.take(1).allowed for _ in range(4)] == [True, True, True, False]
    verdict = quota.take(30)
    assert (verdict.allowed, verdict.left, verdict.reset_s) == (True, 2, 30)


def test_quota__headers__state_what_is_left_and_when_it_resets() -> None:
    verdict = StoreQuota(quota=10, window_s=30).take(12)
    assert (verdict.left, verdict.quota, verdict.window_s, verdict.reset_s) == (9, 10, 30, 18)


def test_quota__other_app__uses_its_share_evenly() -> None:
    quota = StoreQuota(quota=100, window_s=30, other_app_share=0.4)
    assert quota.take(0).left == 99
    assert quota.take(15).left == 78
    quota.take(31)
    first = quota.windows(31)[0]
    assert (first.index, first.ours, first.others) == (0, 2, 40)


def test_quota__within_our_part__is_never_refused() -> None:
    quota = StoreQuota(quota=100, window_s=30, other_app_share=0.4)
    assert all(quota.take(29.9).allowed for _ in range(60))


def test_quota__refused_because_of_the_other_app__is_not_ours() -> None:
    quota = StoreQuota(quota=10, window_s=30, other_app_share=0.5)
    quota.take(0)
    verdicts = [quota.take(29.99) for _ in range(12)]
    refused = [verdict for verdict in verdicts if not verdict.allowed]
    assert refused
    assert refused[-1].ours
    assert all(verdict.ours for verdict in refused)


def test_quota__others_starved_by_us__get_what_is_left() -> None:
    quota = StoreQuota(quota=10, window_s=30, other_app_share=0.5)
    for _ in range(10):
        quota.take(0)
    quota.take(60)
    assert (quota.windows(60)[0].ours, quota.windows(60)[0].others) == (10, 0)


def test_at_once__over_the_limit__may_not_run() -> None:
    limits = AtOnce({"a": 1})
    with limits.enter("a") as first, limits.enter("a") as second, limits.enter("b") as other:
        assert (first, second, other) == (True, False, True)
    with limits.enter("a") as again:
        assert again
    assert limits.highest == {"a": 1, "b": 1}
