"""Borda: points for every item ranked below.

score_i = sum over ballots of (number of items below i + half the number tied with i), which equals
the row sums of W + T/2 over implied pairs; unlisted items that were shown are tied in the last
place, items not shown give and take nothing. On comparisons it is the number of pairwise points,
which favours items that were shown more often (then use the win rate). It rewards broad acceptance,
and adding similar items can change the winner.
"""

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice._tally import Tally, tally_pairs
from aggregation.options import Options
from aggregation.tables import PairCounts
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from annotation.phrases import say


def solve(counts: PairCounts, options: Options, rng: np.random.Generator) -> Estimate:
    return tally_pairs(counts, _points)


def _points(counts: PairCounts) -> Tally:
    games = np.asarray(counts.games.sum(axis=1))
    found: tuple[ResultWarning, ...] = ()
    if games.size and games.max() > games.min():
        detail = say(
            "between %(n)s and %(n_most)s pairs", n=f"{games.min():g}", n_most=f"{games.max():g}"
        )
        found = (warn(WarningCode.UNBALANCED_EXPOSURE, detail),)
    return Tally(np.asarray(counts.half_ties.sum(axis=1)), warnings=found)


METHOD = Method(
    title="Borda count",
    family="social_choice",
    consumes=(PairCounts,),
    solve=solve,
    reference="Borda (1784); Young (1974), Journal of Economic Theory 9",
    axioms=(
        "anonymity",
        "neutrality",
        "monotonicity",
        "participation",
        "consistency",
    ),
)
