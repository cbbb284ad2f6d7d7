"""Which of the store's webhooks are ours and in order, and what the others need: pure, over the rows of `/v3/hooks`.

A hook is ours when it goes to our address, or to the one that this has taken the place of.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from headrace.platforms.bigcommerce import Hook


@dataclass(frozen=True, slots=True)
class Wanted:
    """Scopes to hear of at `destination`, each with these headers. `moved_from`: where hooks of ours went before."""

    destination: str
    scopes: Sequence[str]
    headers: Mapping[str, str] = field(default_factory=dict)
    moved_from: str | None = None

    def headers_of(self, hook: Hook) -> dict[str, str]:
        """What the hook's headers are to be: ours, and those somebody else gave it."""
        ours = {name.casefold() for name in self.headers}
        kept = {name: value for name, value in hook.headers or () if name.casefold() not in ours}
        return {**kept, **self.headers}


@dataclass(frozen=True, slots=True)
class HookPlan:
    """`create`: scopes without a hook; `activate`: asleep; `update`: sent elsewhere or with other headers.

    `elsewhere`: hooks of these scopes that go to addresses that are not ours; they are left alone.
    """

    create: tuple[str, ...] = ()
    activate: tuple[Hook, ...] = ()
    update: tuple[Hook, ...] = ()
    in_place: tuple[Hook, ...] = ()
    elsewhere: tuple[Hook, ...] = ()

    @property
    def is_done(self) -> bool:
        """Nothing to do."""
        return not (self.create or self.activate or self.update)


def plan_hooks(hooks: Iterable[Hook], wanted: Wanted) -> HookPlan:
    """One hook for each scope, the others left alone."""
    by_scope: dict[str, list[Hook]] = {scope: [] for scope in wanted.scopes}
    for hook in hooks:
        if hook.scope in by_scope:
            by_scope[hook.scope].append(hook)
    create, activate, update, in_place, elsewhere = [], [], [], [], []
    for scope, known in by_scope.items():
        ours = _ours(known, wanted)
        elsewhere += [hook for hook in known if hook.destination != wanted.destination and hook is not ours]
        if ours is None:
            create.append(scope)
        elif ours.destination != wanted.destination or not _has_headers(ours, wanted.headers):
            update.append(ours)
        elif not ours.active:
            activate.append(ours)
        else:
            in_place.append(ours)
    return HookPlan(tuple(create), tuple(activate), tuple(update), tuple(in_place), tuple(elsewhere))


def _ours(hooks: Sequence[Hook], wanted: Wanted) -> Hook | None:
    """The one at our address; else the one at the old."""
    for address in (wanted.destination, wanted.moved_from):
        for hook in hooks:
            if hook.destination == address:
                return hook
    return None


def _has_headers(hook: Hook, headers: Mapping[str, str]) -> bool:
    """Whether it carries ours. A store that does not tell the headers is believed."""
    if hook.headers is None:
        return True
    held = {name.casefold(): value for name, value in hook.headers}
    return all(held.get(name.casefold()) == value for name, value in headers.items())
