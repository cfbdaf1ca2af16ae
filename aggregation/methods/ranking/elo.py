"""Elo: ratings that move after every judgment by how surprising it was.

Expected score of a: E = 1 / (1 + 10^((R_b - R_a)/400)); after an outcome y in {1, 1/2, 0}, R_a += k
w (y - E) and R_b loses the same, so the sum stays constant. With `permutations=0` judgments are
read in their order: a live preview that depends on it (ORDER_DEPENDENT; in a circle a > b > c > a
the last winner leads). Otherwise the mean over random orders is given (RANDOMISED), with the spread
between orders as standard error.

The strengths of Bradley–Terry are what Elo wanders around; use that for decisions. Items nobody
judged keep the initial rating without a rank, and parts never compared have no common scale though
their numbers look comparable.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregation.links import Link
from aggregation.method import Estimate, Method
from aggregation.methods.ranking._structure import structure_of
from aggregation.options import Options, option
from aggregation.results import Fit
from aggregation.tables import Comparisons
from aggregation.warning_codes import WarningCode, warn
from aggregation.watching import step
from annotation.phrases import say

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class EloOptions(Options):
    k: float = option(4.0, "Step k", "How far one judgment moves a rating.", low=1e-6)
    initial: float = option(1000.0, "Initial rating", "")
    permutations: int = option(
        100, "Random orders", "0 reads the judgments in their order.", low=0, high=10_000
    )


def solve(table: Comparisons, options: EloOptions, rng: np.random.Generator) -> Estimate:
    structure = structure_of(table.pair_counts())
    N = len(table)
    if options.permutations and N:
        orders = np.array([rng.permutation(N) for _ in range(options.permutations)])
        told = warn(
            WarningCode.RANDOMISED,
            say("mean over %(n)s orders", n=options.permutations),
        )
        ratings = _play_many(table, orders, options)
        score, se = ratings.mean(axis=0), ratings.std(axis=0, ddof=1) if len(orders) > 1 else None
    else:
        told = warn(WarningCode.ORDER_DEPENDENT)
        score, se = _play(table, options), None
    kept = tuple(w for w in structure.warnings if w.code not in _NO_MATTER)
    return Estimate(
        score=score,
        score_kind="elo",
        se=se,
        component=structure.part,
        link=Link("elo", score),
        fit=Fit(n_obs=N, n_components=structure.n_parts),
        warnings=(*kept, told),
    )


_NO_MATTER = (WarningCode.NOT_STRONGLY_CONNECTED, WarningCode.SEPARATION)


def _play(table: Comparisons, options: EloOptions) -> Floats:
    """Ratings after reading the judgments in their order."""
    R = [options.initial] * table.n_items
    outcome = (0.5 + 0.5 * np.sign(table.y)).tolist()
    size = (options.k * table.weights).tolist()
    for a, b, y, k in zip(table.a.tolist(), table.b.tolist(), outcome, size, strict=True):
        gain = k * (y - 1 / (1 + 10 ** ((R[b] - R[a]) / 400)))
        R[a] += gain
        R[b] -= gain
    return np.array(R)


def _play_many(table: Comparisons, orders: NDArray[np.int64], options: EloOptions) -> Floats:
    """Ratings [P, K] after each of P orders, one judgment of every order at a time."""
    P, N = orders.shape
    R = np.full((P, table.n_items), options.initial)
    row = np.arange(P)
    a, b = table.a[orders], table.b[orders]
    y, k = 0.5 + 0.5 * np.sign(table.y)[orders], options.k * table.weights[orders]
    for t in range(N):
        if t % 1_000 == 0:
            step(t, N)
        Ra, Rb = R[row, a[:, t]], R[row, b[:, t]]
        gain = k[:, t] * (y[:, t] - 1 / (1 + 10 ** ((Rb - Ra) / 400)))
        R[row, a[:, t]] = Ra + gain
        R[row, b[:, t]] = Rb - gain
    return R


METHOD = Method(
    title="Elo",
    family="ranking",
    consumes=(Comparisons,),
    solve=solve,
    options=EloOptions,
    reference="Elo (1978), The Rating of Chessplayers, Past and Present",
    axioms=("neutrality", "constant sum"),
    sequential=True,
    bootstrap=False,
)
