"""A customer and the rules as people speak of them: every group by the rules' name, also where it has an alias."""

from msgspec.structs import replace

from headrace.rules.group_names import GroupNames
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.state import State


def in_rules_names(state: State, rules: CompiledRules) -> tuple[State, CompiledRules]:
    """The same customer under the same rules, as if the store had the rules' names; the history is left as it is."""
    if rules.names is None:
        return state, rules
    groups = tuple(replace(group, alias={}) for group in rules.rule_set.groups)
    return _renamed(state, rules.names), compile_rules(replace(rules.rule_set, groups=groups))


def _renamed(state: State, names: GroupNames) -> State:
    told, profile = state.emitted, state.profile
    return replace(
        state,
        profile=None if profile is None else replace(profile, group=names.to_rules(profile.group)),
        emitted=replace(told, group=names.to_rules(told.group), ours=tuple(map(names.to_rules, told.ours))),
    )
