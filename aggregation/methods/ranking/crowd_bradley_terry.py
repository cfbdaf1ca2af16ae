"""CrowdBT: Bradley–Terry in which an annotator reports the opposite with a probability of his own.

Model: P(i over j | annotator k) = eta_k P_ij + (1 - eta_k)(1 - P_ij), P_ij = sigma(theta_i -
theta_j); a tie is half of each. eta_k = 1 is an expert, 1/2 a coin, 0 an adversary. Penalised
likelihood with eta ~ Beta(a, b) and a Gaussian prior on strengths, maximised by L-BFGS in (theta,
eta). Turning all strengths round together with eta -> 1 - eta leaves the likelihood unchanged, so
both signs are tried and the solution with a mean eta above 1/2 is given. Not concave:
LOCAL_OPTIMUM_RISK.

With one annotator eta is not identified: Bradley–Terry with blank abilities, for all items or for a
part that shares neither items nor annotators with the others; every such part is fitted as if
alone. Annotators who share no pair are tied to the others only through strengths and prior. Prefer
ability scaling when annotators have more than twenty votes each.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from aggregation.method import Estimate, Method
from aggregation.methods.ranking._annotator_cells import (
    AnnotatorCells,
    AnnotatorModel,
    Chance,
    alone,
    beginning,
    dressed,
    fit_annotators,
)
from aggregation.options import Options, option
from aggregation.tables import Comparisons

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class CrowdOptions(Options):
    penalty: float = option(0.1, "Penalty", "Ridge on strengths.", low=1e-6)
    prior_right: float = option(2.0, "Prior a", "Of eta ~ Beta(a, b); (1, 1) is flat.", low=1.0)
    prior_wrong: float = option(1.0, "Prior b", "Of eta ~ Beta(a, b).", low=1.0)
    max_iter: int = option(5000, "Iterations", "At most, per start.", low=1)


def solve(table: Comparisons, options: CrowdOptions, rng: np.random.Generator) -> Estimate:
    plain = alone(table, options.penalty)
    if plain is not None:
        return plain
    cells = AnnotatorCells.of(table)
    structure, ridge, begin = beginning(table, options.penalty)
    model = crowd_model(options.prior_right, options.prior_wrong)
    found = fit_annotators(cells, model, structure, ridge, begin, options.max_iter)
    eta = found.e[0]
    edge = tuple(
        f"eta of {table.annotator_ids[k]}"
        for k in range(len(table.annotator_ids))
        if min(eta[k], 1 - eta[k]) <= 1e-6
    )
    return dressed(
        table, cells, structure, found, eta, "chance of not reporting the opposite", edge
    )


def crowd_model(a: float, b: float) -> AnnotatorModel:
    def chance(cells: AnnotatorCells, d: Floats, e: Floats) -> Chance:
        P, eta = expit(d), e[0]
        return Chance(eta * P + (1 - eta) * (1 - P), (2 * eta - 1) * P * (1 - P), (2 * P - 1)[None])

    def prior(e: Floats) -> tuple[float, Floats]:
        eta = np.clip(e, 1e-12, 1 - 1e-12)
        value = float(((a - 1) * np.log(eta) + (b - 1) * np.log1p(-eta)).sum())
        return value, np.asarray((a - 1) / eta - (b - 1) / (1 - eta))

    low = 1e-9 if a > 1 else 0.0
    high = 1 - 1e-9 if b > 1 else 1.0
    return AnnotatorModel(
        chance, prior, (0.8,), ((low, high),), lambda e: 1 - e, lambda e: float(e.mean()) >= 0.5
    )


METHOD = Method(
    title="CrowdBT",
    family="ranking",
    consumes=(Comparisons,),
    solve=solve,
    options=CrowdOptions,
    reference="Chen, Bennett, Collins-Thompson & Horvitz (2013), WSDM",
    axioms=("neutrality", "annotators weighted by reliability"),
    version="2",  # 2: parts that share nothing each as if alone
)
