"""Davidson: Bradley–Terry with ties as an outcome of their own.

Model: P(i beats j) : P(tie) : P(j beats i) = a_i : nu sqrt(a_i a_j) : a_j with a = exp(theta) and
nu > 0; the log-likelihood is concave in (theta, log nu). nu says how readily a tie is called
between equals: P(tie) = nu / (2 + nu).

Identifiability: mean 0 within each connected part. Ties link items both ways, so separation is
rarer than without them. Without any tie nu is 0 and the model is Bradley–Terry; with nothing but
ties nu is infinite, all strengths are equal and nu is left blank (ALL_TIES for both). Strengths are
on a wider scale than half-tie Bradley–Terry: don't compare them.
"""

import numpy as np
from numpy.typing import NDArray

from aggregation.links import Link
from aggregation.method import Estimate, Method
from aggregation.methods.ranking._cells import Cells
from aggregation.methods.ranking._outcome_models import Davidson, HalfTies
from aggregation.methods.ranking._pair_model import PairModelOptions, estimate_pairs
from aggregation.methods.ranking._ties import only_ties, tie_warnings
from aggregation.tables import Comparisons, PairCounts

Floats = NDArray[np.float64]


def solve(
    evidence: Comparisons | PairCounts, options: PairModelOptions, rng: np.random.Generator
) -> Estimate:
    cells = Cells.of(evidence)
    if only_ties(cells):
        return estimate_pairs(
            evidence, HalfTies(Davidson(False)), cells, options, "logit", _no_link,
            lambda _: {"nu": float("nan")}, tie_warnings(cells), quasi=True,
        )  # fmt: skip
    model = Davidson(bool((cells.outcome == 0).any()))

    def nu(extra: Floats) -> float:
        return float(np.exp(extra[0])) if len(extra) else 0.0

    return estimate_pairs(
        evidence, model, cells, options, "logit",
        lambda theta, extra: Link("davidson", theta, (nu(extra),)),
        lambda extra: {"nu": nu(extra)}, tie_warnings(cells),
    )  # fmt: skip


def _no_link(theta: Floats, extra: Floats) -> None:
    return None


METHOD = Method(
    title="Davidson (Bradley–Terry with ties)",
    family="ranking",
    consumes=(Comparisons, PairCounts),
    solve=solve,
    options=PairModelOptions,
    reference="Davidson (1970), Journal of the American Statistical Association 65",
    axioms=("neutrality", "anonymity", "invariance to unobserved pairs"),
    version="2",  # 2: no errors over a single annotator where all tie
)
