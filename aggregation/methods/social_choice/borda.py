"""Borda: points for every item ranked below.

Where every ballot ranks all items, score_i = sum over ballots of (number of items below i + half
the number tied with i): the row sums of W + T/2 over implied pairs. In general it is wins less
losses, halved, plus half the mean number of pairs of an item: the same number where all items are
in as many pairs, and where they aren't (ballots on some items, comparisons) being asked about is
worth nothing, so that ties alone decide nothing (net preferences; Young 1974). Unlisted items that
were shown are tied in the last place, items not shown give and take nothing. An item in more pairs
can still win or lose more (UNBALANCED_EXPOSURE; the win rate compares shares). It rewards broad
acceptance, and adding similar items can change the winner.
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
    points = np.asarray(counts.half_ties.sum(axis=1)) - games / 2
    return Tally(points + (games.mean() / 2 if games.size else 0.0), warnings=found)


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
    version="2",  # 2: wins less losses, so that more pairs aren't more points
)
