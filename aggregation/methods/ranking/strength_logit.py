"""Strength of preference: a cumulative logit on signed levels such as "much better" and "slightly
better".

Model: P(y <= c) = sigma(tau_c - (theta_i - theta_j)) with symmetric thresholds tau_-c = -tau_c, so
that swapping the two items mirrors the answer. The log-likelihood is concave in strengths and
thresholds. With only win, tie and loss it is Rao–Kupper.

Identifiability: mean 0 within each connected part. Levels nobody used have no threshold of their
own and are left out; without ties the lowest threshold is 0. Uses more of each judgment than
Bradley–Terry when annotators use the levels alike, and is misled when they don't.
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
    cells = Cells.of(evidence, levels=True)
    none_decided = only_ties(cells)
    levels = tuple(sorted(set(np.abs(cells.outcome[cells.outcome != 0]).tolist()))) or (1,)
    tied = bool((cells.outcome == 0).any()) and not none_decided
    model = Cumulative(levels, tied)

    def link(theta: Floats, extra: Floats) -> Link | None:
        return (
            None
            if none_decided
            else Link("cumulative", theta, tuple(model.thresholds(extra).tolist()))
        )

    return estimate_pairs(
        evidence, HalfTies(model) if none_decided else model, cells, options, "logit", link,
        lambda extra: {"levels": list(levels), "thresholds": model.thresholds(extra).tolist()},
        tie_warnings(cells), quasi=none_decided,
    )  # fmt: skip


METHOD = Method(
    title="Strength of preference (cumulative logit)",
    family="ranking",
    consumes=(Comparisons, PairCounts),
    solve=solve,
    options=PairModelOptions,
    reference="Agresti (1992), Journal of the Royal Statistical Society C 41",
    axioms=("neutrality", "anonymity", "invariance to unobserved pairs"),
    version="2",  # 2: no errors over a single annotator where all tie
)
