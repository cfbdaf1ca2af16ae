"""Bucklin: count first places, then second places too, and so on until an item has a majority.

r_i = smallest r such that more than half of all ballots rank i among their first r places; the
winner has the smallest r, and among those the most ballots at that r. Tied items count at the best
place they share. An item without a majority at any depth comes last. score = -r + (share of ballots
at depth r), so only the order means something.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice._tally import Tally, tally_ballots
from aggregation.options import Options
from aggregation.tables import Ballots

Floats = NDArray[np.float64]


def solve(ballots: Ballots, options: Options, rng: np.random.Generator) -> Estimate:
    return tally_ballots(ballots, _depth)


def _depth(ranks: NDArray[Any], weight: Floats) -> Tally:
    K = ranks.shape[1]
    total = weight.sum()
    at = np.zeros((K, K))
    for r in range(K):
        at[r] = weight @ (ranks == r)
    reached = np.cumsum(at, axis=0)
    enough = reached > total / 2
    depth = np.where(enough.any(axis=0), enough.argmax(axis=0), K - 1)
    count = reached[depth, np.arange(K)]
    last = np.where(enough.any(axis=0), 0, 1)
    score = -(depth + 1.0 + last) + (count / total if total else 0.0)
    return Tally(np.asarray(score, dtype=np.float64), "order")


METHOD = Method(
    title="Bucklin",
    family="social_choice",
    consumes=(Ballots,),
    solve=solve,
    reference="Hoag & Hallett (1926), Proportional Representation",
    axioms=(
        "anonymity",
        "neutrality",
        "majority",
    ),
)
