"""Rao–Kupper: a tie is called when the perceived difference stays below a threshold.

Model: P(i beats j) = a_i / (a_i + eta a_j) with a = exp(theta) and eta >= 1; the rest is the tie.
It is the cumulative logit with threshold tau = ln eta: P(i beats j) = sigma(theta_i - theta_j -
tau). Concave in (theta, tau).

Identifiability: mean 0 within each connected part. Without any tie eta is 1 and the model is
Bradley–Terry; with nothing but ties eta is infinite, strengths are equal and eta is left blank
(ALL_TIES for both). Unlike Davidson's, its chance of a tie between far items falls only as fast as
the chance of an upset.
"""

import numpy as np
from numpy.typing import NDArray

from aggregation.links import Link
from aggregation.method import Estimate, Method
from aggregation.methods.ranking._cells import Cells
from aggregation.methods.ranking._outcome_models import Cumulative, HalfTies
from aggregation.methods.ranking._pair_model import PairModelOptions, estimate_pairs
from aggregation.methods.ranking._ties import only_ties, tie_warnings
from aggregation.tables import Comparisons, PairCounts

Floats = NDArray[np.float64]


def solve(
    evidence: Comparisons | PairCounts, options: PairModelOptions, rng: np.random.Generator
) -> Estimate:
    cells = Cells.of(evidence)
    none_decided = only_ties(cells)
    tied = bool((cells.outcome == 0).any()) and not none_decided
    model = Cumulative((1,), tied)

    def eta(extra: Floats) -> float:
        return float("nan") if none_decided else float(np.exp(model.thresholds(extra)[0]))

    return estimate_pairs(
        evidence, HalfTies(model) if none_decided else model, cells, options, "logit",
        lambda theta, extra: None if none_decided else Link("rao_kupper", theta, (eta(extra),)),
        lambda extra: {"eta": eta(extra)}, tie_warnings(cells), quasi=none_decided,
    )  # fmt: skip


METHOD = Method(
    title="Rao–Kupper (threshold ties)",
    family="ranking",
    consumes=(Comparisons, PairCounts),
    solve=solve,
    options=PairModelOptions,
    reference="Rao & Kupper (1967), Journal of the American Statistical Association 62",
    axioms=("neutrality", "anonymity", "invariance to unobserved pairs"),
    version="2",  # 2: no errors over a single annotator where all tie
)
