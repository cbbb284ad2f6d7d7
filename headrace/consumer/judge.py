"""The version check and the comparison: whether an action still has to be performed.

Pure: a target, a row of the ledger, a verdict.
"""

from typing import Literal

from headrace.consumer.kind import Applied, Target

Verdict = Literal["stale", "skip", "unchanged", "doubtful", "write"]


def judge(target: Target, applied: Applied, *, fresh: bool, reads_back: bool) -> Verdict:
    """What is to be done about a target.

    `doubtful`: what the vendor holds must be read first, since a call may have happened that we did not record, or
    nothing is known. `fresh` allows to trust what the record itself observed.
    """
    newest = applied.newest
    if newest is not None and target.version < newest:
        return "stale"
    if target.skip is not None:
        return "skip"
    if applied.intent is not None:
        return "doubtful" if reads_back else "write"
    known = applied.value
    if known is None and fresh:
        known = target.observed
    if known is None:
        return "doubtful" if reads_back else "write"
    if known == target.value:
        if not target.overwrite:
            return "unchanged"
        return "doubtful" if reads_back else "write"
    # Seen where it is wanted though we put it elsewhere: someone moved it, or that was seen before our own write.
    return "doubtful" if reads_back and target.observed == target.value else "write"
