"""Win rate: the mean, over the opponents an item met, of its share of wins against each.

score_i = mean over opponents j of (W_ij + T_ij/2) / n_ij; a tie is half a win. With `over="games"`
it is the plain share of points, sum_j (W_ij + T_ij/2) / sum_j n_ij, and with `over="points"` the
sum of points itself (which rewards items that were shown more often).

Needs no model and stays finite under separation. It is biased when schedules differ: an item that
met only weak opponents looks strong (UNBALANCED_EXPOSURE); use Bradley–Terry then. Parts never
compared have separate ranks.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from aggregation.links import Link
from aggregation.method import Estimate, Method
from aggregation.options import Options, option
from aggregation.results import Fit
from aggregation.tables import PairCounts
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from annotation.phrases import say

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class WinRateOptions(Options):
    over: Literal["opponents", "games", "points"] = option(
        "opponents",
        "Average over",
        "Opponents count the same, games count the same, or points are summed.",
    )


def solve(counts: PairCounts, options: WinRateOptions, rng: np.random.Generator) -> Estimate:
    n_parts, part = counts.components
    score = np.where(counts.seen, _scores(counts, options.over), np.nan)
    return Estimate(
        score=score,
        score_kind="points" if options.over == "points" else "share",
        component=part,
        link=_link(counts),
        fit=Fit(n_obs=counts.rows, n_components=n_parts),
        warnings=_warnings(counts, n_parts),
    )


def _scores(counts: PairCounts, over: str) -> Floats:
    points = _sum(counts.half_ties)
    if over == "points":
        return points
    games = _sum(counts.games)
    if over == "games":
        return points / np.where(games > 0, games, 1.0)
    rate = _sum(_rates(counts))
    met = _sum(counts.games > 0)
    return rate / np.maximum(met, 1)


def _rates(counts: PairCounts) -> Any:
    if counts.is_dense:
        return counts.half_ties / np.where(counts.games > 0, counts.games, 1.0)
    inverse = sparse.csr_array(counts.games)
    inverse.data = 1.0 / inverse.data
    return counts.half_ties * inverse


def _sum(matrix: Any) -> Floats:
    return np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel()


def _link(counts: PairCounts) -> Link | None:
    """Observed outcome shares of each pair, with half a game of doubt; pairs that never met are
    even.
    """
    if not counts.is_dense:
        return None
    smoothed = (counts.wins + 0.25) / (counts.games + 0.5 + 0.25 * (counts.ties > 0))
    return Link("matrix", np.asarray(smoothed, dtype=np.float64))


def _warnings(counts: PairCounts, n_parts: int) -> tuple[ResultWarning, ...]:
    found: list[ResultWarning] = []
    unseen = np.flatnonzero(~counts.seen)
    if len(unseen) == counts.n_items:
        return (warn(WarningCode.EMPTY, say("no judgments")),)
    if len(unseen):
        found.append(
            warn(
                WarningCode.UNSEEN_ITEMS,
                say("%(n)s items", n=len(unseen)),
                (counts.ids[i] for i in unseen),
            )
        )
    if n_parts > 1:
        found.append(warn(WarningCode.DISCONNECTED, say("%(n)s parts", n=n_parts)))
    games = _sum(counts.games)[counts.seen]
    if games.max() > 2 * games.min():
        found.append(
            warn(
                WarningCode.UNBALANCED_EXPOSURE,
                say(
                    "between %(min)s and %(max)s judgments",
                    min=f"{games.min():g}",
                    max=f"{games.max():g}",
                ),
            )
        )
    return tuple(found)


METHOD = Method(
    title="Average win rate",
    family="ranking",
    consumes=(PairCounts,),
    solve=solve,
    options=WinRateOptions,
    reference="David (1988), The Method of Paired Comparisons",
    axioms=("neutrality", "anonymity", "defined for every data set"),
)
