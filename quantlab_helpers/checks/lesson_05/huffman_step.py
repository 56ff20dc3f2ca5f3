"""Exercise huffman-step of lesson 05: merge the two rarest groups.

At a tie any two of the rarest groups may be merged, so an answer is checked for the properties of a
step, and not against one expected result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..compare import Difference, plural
from ..exercise import Case, FunctionExercise, Mistake

_Groups = dict[str, float]


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    yield ({"0": 5, "1": 2, "2": 3},)
    yield ({"0": 10, "1": 9, "2": 100, "3": 20},)  # as texts, "10" comes before "9"
    yield ({"0": 2, "1": 3, "2": 8, "3": 8, "4": 8},)  # other groups share a count
    yield ({"04": 7, "1": 9, "235": 6, "6": 30},)
    yield ({"0": 3, "1": 9},)
    yield ({"0": 1, "1": 1, "2": 1, "3": 1},)  # any two may be merged
    yield ({"2": 12, "1": 469_900, "0": 20, "7": 400, "3": 4, "5": 60},)
    counts = rng.choice(np.arange(1, 90), 7, replace=False).tolist()
    yield (dict(zip(map(str, rng.permutation(7)), counts, strict=True)),)


def _named_counts(got: Any) -> list[Any]:
    return list(got.items() if isinstance(got, Mapping) else got)


def _groups(got: Any) -> _Groups | str:
    """Return groups with sorted names, so that "12" and "21" are one name; else what is wrong."""
    try:
        pairs = _named_counts(got)
        groups = {"".join(sorted("".join(name))): float(count) for name, count in pairs}
    except (TypeError, ValueError):
        return f"you return {got!r:.60}, not a dict of names and counts"
    if len(groups) < len(pairs):
        return "two of your groups have the same codes"
    return groups


def _compare(expected: Any, got: Any, case: Case) -> Difference:
    before, after, right = _groups(case[0]), _groups(got), _groups(expected)
    if isinstance(before, str) or isinstance(after, str) or isinstance(right, str):
        return str(after)
    if after == right or (_is_step(before, right) and _is_step(before, after)):
        return None
    if len(after) != len(before) - 1:
        groups = plural(len(after), "group")
        return f"you return {groups}; one step from {len(before)} leads to {len(before) - 1}"
    if sorted("".join(after)) != sorted("".join(before)):
        shown = ", ".join(repr(name) for name, _ in _named_counts(got))
        return f"your groups are {shown}; each code must be in exactly one of them"
    new = [name for name in after if name not in before]
    if len(new) == 1 and sorted(new[0]) == sorted("".join(before.keys() - after.keys())):
        gone = [f"{before[name]:,.0f}" for name in before if name not in after]
        if sorted(before[name] for name in before if name not in after) != _rarest(before):
            smallest = " and ".join(f"{count:,.0f}" for count in _rarest(before))
            return f"you merged the counts {' and '.join(gone)}; the smallest are {smallest}"
        return (
            f"the merged group has the count {after[new[0]]:,.6g}, made from {' and '.join(gone)}"
        )
    return f"you return {got!r:.60}"


def _rarest(groups: _Groups) -> list[float]:
    return sorted(groups.values())[:2]


def _is_step(before: _Groups, after: _Groups) -> bool:
    """Return whether two of the rarest groups were merged; at a tie any two are."""
    gone = [name for name in before if name not in after]
    merged = "".join(sorted("".join(gone)))
    kept = {name: before[name] for name in before if name not in gone}
    smallest = _rarest(before)
    return (
        sorted(before[name] for name in gone) == smallest
        and after == {**kept, merged: sum(smallest)}
        and merged not in before
    )


def _merge(
    groups: dict[str, int],
    key: Callable[[str], Any],
    *,
    last: bool = False,
    count: Callable[[int, int], float] = lambda first, second: first + second,
) -> _Groups:
    """Merge the first two groups in some order, or the last two."""
    order = sorted(groups, key=key)
    first, second = order[-2:] if last else order[:2]
    kept = {name: float(groups[name]) for name in order if name not in (first, second)}
    return {**kept, first + second: float(count(groups[first], groups[second]))}


def _merge_with_count(count: Callable[[int, int], float]) -> Callable[[dict[str, int]], _Groups]:
    return lambda groups: _merge(groups, groups.__getitem__, count=count)


def _merge_to_the_end(groups: dict[str, int]) -> _Groups:
    merged: Any = groups
    while len(merged) > 1:
        merged = _merge(merged, merged.__getitem__)
    return dict(merged)


def _merge_dict_keyed_by_count(groups: dict[str, int]) -> _Groups:
    """Swap names and counts, so that only the last of the groups with equal counts is kept."""
    names = {count: name for name, count in groups.items()}
    turned = {name: count for count, name in names.items()}
    return _merge(turned, turned.__getitem__)


EXERCISE = FunctionExercise(
    name="huffman-step",
    signature="merge_rarest(groups)",
    solution=lambda groups: _merge(groups, groups.__getitem__),
    cases=_cases,
    compare=_compare,
    why="a step takes out the two groups with the smallest counts and puts in one group with the "
    "codes of both and the sum of their counts; all others stay",
    fix="sort the names by count, sorted(groups, key=groups.get); leave out the first two and add "
    "one entry for both to a new dict",
    mistakes=[
        Mistake(
            lambda groups: groups,
            "these are the original groups",
            "return a new dict with one group fewer",
        ),
        Mistake(
            lambda groups: _merge(groups, groups.__getitem__, last=True),
            "you merged the two most frequent groups: their codes would get the longest codewords",
            "merge the two with the smallest counts",
        ),
        Mistake(
            lambda groups: _merge(groups, list(groups).index),
            "you merged the first two groups; their order has no meaning",
            "look for the two with the smallest counts",
        ),
        Mistake(
            lambda groups: _merge(groups, list(groups).index, last=True),
            "you merged the last two groups; their order has no meaning",
            "look for the two with the smallest counts",
        ),
        Mistake(
            lambda groups: _merge(groups, str),
            "you compared the names; sorted(groups) and min(groups) do that without a key",
            "compare the counts: sorted(groups, key=groups.get)",
        ),
        Mistake(
            lambda groups: _merge(groups, lambda name: str(groups[name])),
            'you compared the counts as texts, and "10" comes before "9"',
            "compare numbers: sorted(groups, key=groups.get)",
        ),
        Mistake(
            lambda groups: _merge(groups, lambda name: (len(name), groups[name])),
            "you preferred groups with few codes; only the counts matter",
            "compare the counts: sorted(groups, key=groups.get)",
        ),
        Mistake(
            _merge_dict_keyed_by_count,
            "a dict with counts as keys keeps only one of the groups with equal counts, and loses "
            "the codes of the others",
            "keep the names as keys, and sort them by their counts",
        ),
        Mistake(
            lambda groups: {**groups, **_merge(groups, groups.__getitem__)},
            "the two groups are still there in addition to the merged group",
            "leave both out of the new dict",
        ),
        Mistake(
            lambda groups: {name: groups[name] for name in sorted(groups, key=groups.get)[2:]},
            "the two groups are removed, and their codes are lost",
            "add a group with both names and the sum of the counts",
        ),
        Mistake(
            lambda groups: dict([list(_merge(groups, groups.__getitem__).items())[-1]]),
            "you return only the new group; the others are still needed",
            "start from all groups except the two",
        ),
        Mistake(
            _merge_to_the_end,
            "you continued until one group is left; the exercise asks for a single step",
            "merge once and return",
        ),
        *(
            Mistake(
                _merge_with_count(count),
                "the codes of both groups together occur as often as the sum of the two counts",
                "add the two counts",
            )
            for count in (max, min, lambda first, second: first * second)
        ),
        Mistake(
            _merge_with_count(lambda first, second: (first + second) / 2),
            "you took the mean of the two counts; both groups together occur as often as their sum",
            "add the two counts",
        ),
    ],
)
