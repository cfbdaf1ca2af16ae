"""The best k items with a least number from each group.

Slates with at least l_g items of group g: the sets that can still be completed to such a slate of
k items are the independent sets of a matroid, so taking the best item that keeps the promise
possible is optimal for additive utility and reaches half of the best for monotone submodular
utility (Fisher, Nemhauser & Wolsey 1978).

Source: Mehrotra & Celis (2021), FAccT, "Mitigating bias in set selection with noisy protected
attributes"; Boehmer, Celis, Huang, Mehrotra & Vishnoi (2023), ICML, "Subset selection based on
multiple rankings in the presence of bias". For functions such as Chamberlin–Courant the number of
rankings after which the constraint helps can be exponential, so smooth ones are the default.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence

import numpy as np

from aggregation.slates.approvals import Floats, Longs
from aggregation.slates.ties import MOST_TIES, Slates, best, follow

Gain = Callable[[tuple[int, ...]], Floats]


def proportional_bounds(groups: Sequence[Hashable], seats: int) -> dict[Hashable, int]:
    """floor(k |G| / m) seats at least for each group."""
    sizes: dict[Hashable, int] = {}
    for group in groups:
        sizes[group] = sizes.get(group, 0) + 1
    return {group: seats * size // len(groups) for group, size in sizes.items()}


def fair_greedy(
    gain: Gain,
    groups: Sequence[Hashable],
    least: Mapping[Hashable, int],
    seats: int,
    priority: Longs,
    limit: int = MOST_TIES,
) -> Slates:
    """Seat by seat the item of the highest gain that leaves room for what the groups are owed.

    gain(slate) float64[M] says what each item would add. Raises ValueError where the promises are
    more than the seats, or than a group has items.
    """
    check_bounds(groups, least, seats)
    names = list(dict.fromkeys(groups))
    code = np.array([names.index(group) for group in groups], dtype=np.int64)
    owed = np.array([least.get(name, 0) for name in names], dtype=np.int64)

    def step(chosen: frozenset[int]) -> list[frozenset[int]]:
        if len(chosen) >= min(seats, len(code)):
            return []
        have = sorted(chosen)
        missing = np.maximum(owed - np.bincount(code[have], minlength=len(names)), 0)
        spare = seats - len(chosen) - int(missing.sum())
        free = ~np.isin(np.arange(len(code)), have)
        if spare <= 0:
            free &= missing[code] > 0
        return [chosen | {item} for item in best(gain(tuple(have)), free, priority)]

    nobody: frozenset[int] = frozenset()
    ends, complete = follow(nobody, step, lambda chosen: chosen, limit)
    return Slates.of(ends, complete)


def additive(score: Floats) -> Gain:
    """Gain of utility that simply adds the items' scores."""
    return lambda _: score


def check_bounds(groups: Sequence[Hashable], least: Mapping[Hashable, int], seats: int) -> None:
    """Raises ValueError where no slate can keep the promises."""
    for group, count in least.items():
        size = sum(1 for each in groups if each == group)
        if count > size:
            raise ValueError(f"Group {group!r} is promised {count} seats but has {size} items.")
    if sum(least.values()) > min(seats, len(groups)):
        raise ValueError(f"The groups are promised {sum(least.values())} of {seats} seats.")
