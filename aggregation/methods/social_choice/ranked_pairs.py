"""Ranked pairs: majorities are locked from the largest to the smallest unless one would close a
circle.

The locked majorities form an order; its source wins. Majorities of equal margin can be locked in
any sequence: all sequences that matter are followed, up to 200 states, and every possible source is
a winner. score_i = mean number of items that i stands above, so only the order means something.
O(K^2 log K), and O(K) for each lock that says something new.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice._tally import Tally, tally_pairs
from aggregation.options import Options
from aggregation.tables import PairCounts
from aggregation.warning_codes import WarningCode, warn
from aggregation.watching import beat
from annotation.phrases import say

Reach = tuple[int, ...]  # bit j of the i-th number: i stands above j
Edge = tuple[int, int]
STATES = 200


def solve(counts: PairCounts, options: Options, rng: np.random.Generator) -> Estimate:
    return tally_pairs(counts, lambda c: _lock_all(np.asarray(c.margins)))


def _lock_all(margins: NDArray[np.float64]) -> Tally:
    K = len(margins)
    states: set[Reach] = {(0,) * K}
    truncated = False
    for edges in _groups(margins):
        beat()
        if len(edges) == 1:
            states = {_lock(reach, *edges[0]) for reach in states}
            continue
        following: set[Reach] = set()
        for reach in states:
            found, whole = _lock_group(reach, edges)
            following.update(found)
            truncated = truncated or not whole
            if len(following) >= STATES:
                truncated = True
                break
        states = following
    orders = np.array([[row.bit_count() for row in reach] for reach in states], dtype=np.float64)
    sources = {i for reach in states for i in _sources(reach)}
    warned = (
        (warn(WarningCode.NP_HARD_TRUNCATED, say("%(n)s sequences", n=STATES)),)
        if truncated
        else ()
    )
    return Tally(orders.mean(axis=0), "order", tuple(sorted(sources)), warnings=warned)


def _sources(reach: Reach) -> list[int]:
    """Items that nothing stands above."""
    below = 0
    for row in reach:
        below |= row
    return [i for i in range(len(reach)) if not below >> i & 1]


def _groups(margins: NDArray[np.float64]) -> Iterator[list[Edge]]:
    """Strict majorities in groups of equal margin, largest first."""
    i, j = np.nonzero(margins > 0)
    size = margins[i, j]
    order = np.argsort(-size, kind="stable")
    i, j, size = i[order], j[order], size[order]
    starts = [0, *(1 + np.flatnonzero(np.diff(size) < -1e-9)).tolist(), len(size)]
    edges = list(zip(i.tolist(), j.tolist(), strict=True))
    for start, end in pairwise(starts):
        if end > start:
            yield edges[start:end]


def _lock_group(reach: Reach, edges: list[Edge]) -> tuple[list[Reach], bool]:
    """The relations that locking these edges, in any sequence, can lead to; and whether they are
    all.
    """
    open_edges = [(i, j) for i, j in edges if _undecided(reach, i, j)]
    together = reach
    for i, j in open_edges:
        if together[j] >> i & 1:
            return _branch(reach, open_edges)
        if not together[i] >> j & 1:
            together = _join(together, i, j)
    return [together], True


def _branch(reach: Reach, edges: list[Edge]) -> tuple[list[Reach], bool]:
    done: set[Reach] = set()
    pending: list[tuple[Reach, list[Edge]]] = [(reach, edges)]
    visited: set[Reach] = set()
    while pending and len(visited) < STATES:
        beat()
        state, rest = pending.pop()
        rest = [(i, j) for i, j in rest if _undecided(state, i, j)]
        if not rest:
            done.add(state)
            continue
        for i, j in rest:
            after = _join(state, i, j)
            if after not in visited:
                visited.add(after)
                pending.append((after, rest))
    if not done:  # so many ways that none was followed to its end: follow one
        done.add(_one_way(*pending[-1]))
    return list(done), not pending


def _one_way(reach: Reach, edges: list[Edge]) -> Reach:
    for i, j in edges:
        reach = _lock(reach, i, j)
    return reach


def _lock(reach: Reach, i: int, j: int) -> Reach:
    return _join(reach, i, j) if _undecided(reach, i, j) else reach


def _undecided(reach: Reach, i: int, j: int) -> bool:
    return not (reach[i] >> j & 1 or reach[j] >> i & 1)


def _join(reach: Reach, i: int, j: int) -> Reach:
    """Reachability with i -> j added."""
    gained = reach[j] | 1 << j
    return tuple(row | gained if x == i or row >> i & 1 else row for x, row in enumerate(reach))


METHOD = Method(
    title="Ranked pairs (Tideman)",
    family="social_choice",
    consumes=(PairCounts,),
    solve=solve,
    reference="Tideman (1987), Social Choice and Welfare 4; Brill & Fischer (2012), AAAI (ties)",
    axioms=("anonymity", "neutrality", "Condorcet", "Smith", "clone independence", "monotonicity"),
)
