"""Thurstone's case V: the chance of winning is the normal distribution function of the difference.

Model: P(i beats j) = Phi(theta_i - theta_j); each item's quality is perceived with equal,
independent normal noise. A tie counts as half a win for each side. The log-likelihood is concave;
tails use log Phi directly.

Identifiability: mean 0 within each connected part; a finite maximum needs the graph "has beaten" to
be strongly connected, else a small penalty and NOT_STRONGLY_CONNECTED. Scores are in units of the
noise of a difference and about 0.6 times those of Bradley–Terry; orders rarely differ. Errors over
annotators as in Bradley–Terry, ties included.
"""

import numpy as np
from numpy.typing import NDArray

from aggregation.links import Link
from aggregation.method import Estimate, Method
from aggregation.methods.ranking._cells import Cells
from aggregation.methods.ranking._outcome_models import HalfTies, Probit
from aggregation.methods.ranking._pair_model import PairModelOptions, estimate_pairs
from aggregation.tables import Comparisons, PairCounts

Floats = NDArray[np.float64]


def solve(
    evidence: Comparisons | PairCounts, options: PairModelOptions, rng: np.random.Generator
) -> Estimate:
    cells = Cells.of(evidence)
    return estimate_pairs(
        evidence, HalfTies(Probit()), cells, options, "probit",
        lambda theta, _: Link("probit", theta), lambda _: {},
        quasi=bool((cells.outcome == 0).any()),
    )  # fmt: skip


METHOD = Method(
    title="Thurstone (case V)",
    family="ranking",
    consumes=(Comparisons, PairCounts),
    solve=solve,
    options=PairModelOptions,
    reference="Thurstone (1927), Psychological Review 34; Mosteller (1951), Psychometrika 16",
    axioms=("neutrality", "anonymity", "invariance to unobserved pairs"),
    version="2",  # 2: errors over annotators where there are ties, too
)
