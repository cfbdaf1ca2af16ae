"""Ranked pairs: majorities are locked from the largest to the smallest unless one would close a
circle.

The locked majorities form an order; its source wins. Majorities of equal margin can be locked in
any sequence: all sequences that matter are followed, up to 200 states, and every possible source is
a winner. score_i = mean number of items that i stands above, so only the order means something.
O(K^2 log K) plus one reachability update per lock.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice._tally import Tally, tally_pairs
from aggregation.options import Options
from aggregation.tables import PairCounts
from aggregation.warning_codes import WarningCode, warn

Reach = NDArray[np.bool_]
Edge = tuple[int, int]
STATES = 200


def solve(counts: PairCounts, options: Options, rng: np.random.Generator) -> Estimate:
    return tally_pairs(counts, lambda c: _lock_all(np.asarray(c.margins)))


def _lock_all(margins: NDArray[np.float64]) -> Tally:
    K = len(margins)
    states: dict[bytes, Reach] = {b"": np.zeros((K, K), dtype=np.bool_)}
    truncated = False
    for edges in _groups(margins):
        following: dict[bytes, Reach] = {}
        for reach in states.values():
            for after in _lock_group(reach, edges):
                following.setdefault(after.tobytes(), after)
                if len(following) >= STATES:
                    truncated = True
                    break
        states = following
    orders = np.array([reach.sum(axis=1) for reach in states.values()], dtype=np.float64)
    sources = {int(i) for reach in states.values() for i in np.flatnonzero(~reach.any(axis=0))}
    found = (warn(WarningCode.NP_HARD_TRUNCATED, f"{STATES} sequences"),) if truncated else ()
    return Tally(orders.mean(axis=0), "order", tuple(sorted(sources)), warnings=found)


def _groups(margins: NDArray[np.float64]) -> Iterator[list[Edge]]:
    """Strict majorities in groups of equal margin, largest first."""
    i, j = np.nonzero(margins > 0)
    size = margins[i, j]
    order = np.argsort(-size, kind="stable")
    i, j, size = i[order], j[order], size[order]
    starts = np.flatnonzero(np.diff(size, prepend=np.inf) < -1e-9)
    for part in np.split(np.arange(len(i)), starts[1:]):
        if len(part):
            yield list(zip(i[part].tolist(), j[part].tolist(), strict=True))


def _lock_group(reach: Reach, edges: list[Edge]) -> list[Reach]:
    """All relations that locking these edges, in any sequence, can lead to."""
    if len(edges) == 1:
        return [_lock(reach, *edges[0])]
    open_edges = [(i, j) for i, j in edges if not reach[j, i] and not reach[i, j]]
    together = reach
    for i, j in open_edges:
        if together[j, i]:
            return _branch(reach, open_edges)
        if not together[i, j]:
            together = _join(together, i, j)
    return [together]


def _branch(reach: Reach, edges: list[Edge]) -> list[Reach]:
    done: dict[bytes, Reach] = {}
    pending: list[tuple[Reach, list[Edge]]] = [(reach, edges)]
    visited: set[bytes] = set()
    while pending and len(visited) < STATES:
        state, rest = pending.pop()
        rest = [(i, j) for i, j in rest if not state[j, i] and not state[i, j]]
        if not rest:
            done.setdefault(state.tobytes(), state)
            continue
        for i, j in rest:
            after = _join(state, i, j)
            key = after.tobytes()
            if key not in visited:
                visited.add(key)
                pending.append((after, rest))
    return list(done.values()) or [state for state, _ in pending[:1]]


def _lock(reach: Reach, i: int, j: int) -> Reach:
    return reach if reach[j, i] or reach[i, j] else _join(reach, i, j)


def _join(reach: Reach, i: int, j: int) -> Reach:
    """Reachability with i -> j added."""
    above, below = reach[:, i].copy(), reach[j].copy()
    above[i], below[j] = True, True
    after: Any = reach | np.logical_and.outer(above, below)
    return np.asarray(after)


METHOD = Method(
    title="Ranked pairs (Tideman)",
    family="social_choice",
    consumes=(PairCounts,),
    solve=solve,
    reference="Tideman (1987), Social Choice and Welfare 4; Brill & Fischer (2012), AAAI (ties)",
    axioms=("anonymity", "neutrality", "Condorcet", "Smith", "clone independence", "monotonicity"),
)
