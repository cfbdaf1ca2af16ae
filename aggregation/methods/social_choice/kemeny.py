"""Kemeny: the order that disagrees with as few pairwise judgments as possible.

Maximises sum over i before j of M_ij over all orders. The strongly connected parts of the weak
majority relation follow each other in every such order (extended Condorcet criterion), so each part
is solved alone: up to 14 items by dynamic programming over subsets, which also yields the mean
place over all best orders; beyond by an integer program (HiGHS) with a time limit. A second solve
says whether the best order is unique. score = number of items below (a mean over best orders where
they are counted), so only the order means something.

The maximum-likelihood order under Mallows' noise. NP-hard: when the time runs out the best order
found is given with NP_HARD_TRUNCATED and the remaining gap.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice import _kemeny_orders as orders
from aggregation.methods.social_choice._majorities import majority_layers
from aggregation.methods.social_choice._tally import Tally, tally_pairs
from aggregation.options import Options, option
from aggregation.results import Fit
from aggregation.tables import PairCounts
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from annotation.phrases import say

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class KemenyOptions(Options):
    time_limit: float = option(
        20.0, "Seconds per part", "Then the best order so far is taken.", low=0.1
    )


def solve(counts: PairCounts, options: KemenyOptions, rng: np.random.Generator) -> Estimate:
    return tally_pairs(
        counts, lambda c: _consensus(np.asarray(c.margins), options.time_limit, c.rows)
    )


def _consensus(margins: Floats, time_limit: float, rows: int) -> Tally:
    K = len(margins)
    layer = majority_layers(margins)
    below = np.zeros(K)
    winners: tuple[int, ...] = ()
    value, gap, unique = 0.0, 0.0, True
    for level in range(int(layer.max(initial=-1)) + 1):
        members = np.flatnonzero(layer == level)
        part = orders.best_orders(margins[np.ix_(members, members)], time_limit)
        below[members] = part.below + int((layer > level).sum())
        value, gap, unique = value + part.value, gap + part.gap, unique and part.unique
        if level == 0:
            winners = tuple(members[list(part.firsts)].tolist())
    value += float(np.where(layer[:, None] < layer[None, :], margins, 0.0).sum())
    found: list[ResultWarning] = []
    if gap > 1e-6:
        found.append(
            warn(
                WarningCode.NP_HARD_TRUNCATED,
                say("up to %(gap)s more agreement possible", gap=f"{gap:g}"),
            )
        )
    if not unique:
        found.append(warn(WarningCode.TIE_UNRESOLVED, say("several orders are best")))
    fit = Fit(
        n_obs=rows,
        converged=gap <= 1e-6,
        parameters={"agreement": value, "gap": gap, "unique": unique},
    )
    return Tally(below, "order", winners, fit=fit, warnings=tuple(found))


METHOD = Method(
    title="Kemeny–Young",
    family="social_choice",
    consumes=(PairCounts,),
    solve=solve,
    options=KemenyOptions,
    reference="Kemeny (1959), Daedalus 88; Young & Levenglick (1978), SIAM J. Appl. Math. 35; "
    "Conitzer, Davenport & Kalagnanam (2006), AAAI",
    axioms=("anonymity", "neutrality", "Condorcet", "Smith", "reinforcement", "monotonicity"),
)
