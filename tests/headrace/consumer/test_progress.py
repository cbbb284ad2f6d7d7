"""The law of commits: only a contiguous prefix of what is done."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.consumer.progress import Progress


@given(st.lists(st.integers(1, 3), max_size=40), st.data())
def test_progress__any_order_of_ends__commits_only_what_is_done_below(gaps: list[int], data: st.DataObject) -> None:
    """Offsets have gaps (markers, compaction); they end in any order, while others are still read."""
    progress = Progress()
    read: list[int] = []
    open_: set[int] = set()
    committed = position = 0
    for gap in gaps:
        offset = position + gap - 1
        progress.read(offset)
        read.append(offset)
        open_.add(offset)
        position = offset + 1
        for done in data.draw(st.lists(st.sampled_from(sorted(open_)), unique=True)) if open_ else []:
            progress.done(done)
            open_.discard(done)
        now = progress.committable(position)
        assert now >= committed
        assert all(offset not in open_ for offset in read if offset < now)
        assert now == (min(open_) if open_ else position)
        committed = now
    for offset in sorted(open_, reverse=True):
        progress.done(offset)
        progress.done(offset)
    assert progress.committable(position + 2) == position + 2
    assert len(progress) == 0
