"""Coombs: again and again the item that most people put last leaves, until one has a majority.

In each round a ballot counts against its worst remaining item (t tied ones share it, 1/t each) and
for its best one. An item that is best on more than half of the weight wins; else those with most
last places leave, all of them where several tie, unless nobody would be left: then all win. score =
round of leaving, so only the order means something. Where opinions lie on one line it elects the
Condorcet winner; elsewhere it needn't, and raising an item can make it lose.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice._last_places import last_places
from aggregation.methods.social_choice._tally import Tally, tally_ballots
from aggregation.options import Options
from aggregation.tables import Ballots

Floats = NDArray[np.float64]


def solve(ballots: Ballots, options: Options, rng: np.random.Generator) -> Estimate:
    return tally_ballots(ballots, _count)


def _count(ranks: NDArray[Any], weight: Floats) -> Tally:
    K = ranks.shape[1]
    score, alive, turn = np.zeros(K), np.ones(K, dtype=np.bool_), 0.0
    slack = 1e-9 * max(1.0, float(weight.sum()))
    while alive.any():
        members = np.flatnonzero(alive)
        left = ranks[:, members]
        first = _majority(left, weight)
        against = weight @ last_places(left)
        leaving = members[against >= against.max() - slack]
        if first is not None:
            leaving = np.delete(members, first)
            score[members[first]] = turn + 1
            score[leaving] = turn
            break
        score[leaving] = turn
        if len(leaving) == len(members):
            break
        alive[leaving] = False
        turn += 1
    return Tally(score, "order")


def _majority(left: NDArray[Any], weight: Floats) -> int | None:
    """The item alone on top of more than half of the weight, if there is one."""
    known = np.where(left < 0, np.iinfo(np.int64).max, left)
    top = (known == known.min(axis=1, keepdims=True)) & (left >= 0)
    share = weight @ (top / np.maximum(top.sum(axis=1, keepdims=True), 1))
    best = int(share.argmax()) if share.size else 0
    return best if share.size and share[best] > weight.sum() / 2 * (1 + 1e-9) else None


METHOD = Method(
    title="Coombs",
    family="social_choice",
    consumes=(Ballots,),
    solve=solve,
    reference="Coombs (1964), A Theory of Data; Grofman & Feld (2004), Electoral Studies 23",
    axioms=("anonymity", "neutrality", "majority"),
)
