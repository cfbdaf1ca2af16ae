"""Schwartz set: the items that answer every chain of defeats against them by one of their own.

i reaches j when i beats j, or beats somebody who reaches j, strict majorities only. i is in the set
iff i reaches everybody who reaches i: the strongly connected parts of "beats" that nobody outside
beats (GOCHA, the union of the smallest undefeated groups). Without tied pairs it is the Smith set;
with ties it lies inside it and can be smaller, as a tie is no way up. score is 1 inside and 0
outside: a set, not a ranking. The Condorcet winner alone where there is one; otherwise often large,
as it takes one long circle for everybody to be in. O(K^2).

Don't use it to name one winner, or where many pairs never met: each of those counts as a tie.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice._tally import Tally, tally_pairs
from aggregation.options import Options
from aggregation.tables import PairCounts


def solve(counts: PairCounts, options: Options, rng: np.random.Generator) -> Estimate:
    return tally_pairs(
        counts,
        lambda c: Tally(_undefeated_parts(np.asarray(c.margins)).astype(np.float64), "order"),
    )


def _undefeated_parts(margins: NDArray[np.float64]) -> NDArray[np.bool_]:
    beats = margins > 0
    n_parts, part = connected_components(
        sparse.csr_array(beats), directed=True, connection="strong"
    )
    winner, loser = np.nonzero(beats)
    from_outside = part[winner] != part[loser]
    beaten = np.zeros(n_parts, dtype=np.bool_)
    beaten[part[loser[from_outside]]] = True
    return np.asarray(~beaten[part])


METHOD = Method(
    title="Schwartz set",
    family="social_choice",
    consumes=(PairCounts,),
    solve=solve,
    reference="Schwartz (1972), Noûs 6; Schwartz (1986), The logic of collective choice",
    axioms=("anonymity", "neutrality", "Condorcet", "Smith", "monotonicity"),
)
