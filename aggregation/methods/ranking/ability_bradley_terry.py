"""Ability-scaled Bradley–Terry: annotators see the same differences more or less sharply.

Model: P(i over j | annotator k) = sigma(alpha_k (theta_i - theta_j)); a tie is half of each. By
default alpha_k > 0 with log alpha_k ~ N(0, spread^2), which fixes the scale (geometric mean about
1); with `reversed=True` alpha is a real number with prior N(1, spread^2), and a negative value is
someone who answers the wrong way round (then both signs are tried and a positive mean is chosen).
Strengths have a Gaussian prior. L-BFGS in (theta, alpha); not concave: LOCAL_OPTIMUM_RISK.

With one annotator alpha is not identified: Bradley–Terry with blank abilities, for all items or for
a part that shares neither items nor annotators with the others; every such part is fitted as if
alone. The default among annotator-aware models when each has more than twenty votes, and for
language models as judges.
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
class AbilityOptions(Options):
    penalty: float = option(0.01, "Penalty", "Ridge on strengths.", low=1e-6)
    spread: float = option(
        1.0, "Prior spread", "Of log ability, or of ability where it may be negative.", low=1e-3
    )
    reversed: bool = option(False, "Allow reversed annotators", "Abilities below zero.")
    max_iter: int = option(5000, "Iterations", "At most, per start.", low=1)


def solve(table: Comparisons, options: AbilityOptions, rng: np.random.Generator) -> Estimate:
    plain = alone(table, options.penalty)
    if plain is not None:
        return plain
    cells = AnnotatorCells.of(table)
    structure, ridge, begin = beginning(table, options.penalty)
    model = (real_model if options.reversed else positive_model)(options.spread)
    found = fit_annotators(cells, model, structure, ridge, begin, options.max_iter)
    alpha = found.e[0] if options.reversed else np.exp(found.e[0])
    return dressed(table, cells, structure, found, alpha, "sharpness alpha")


def positive_model(spread: float) -> AnnotatorModel:
    def chance(cells: AnnotatorCells, d: Floats, e: Floats) -> Chance:
        alpha = np.exp(e[0])
        p = expit(alpha * d)
        return Chance(p, alpha * p * (1 - p), (alpha * d * p * (1 - p))[None])

    def prior(e: Floats) -> tuple[float, Floats]:
        return -0.5 * float((e**2).sum()) / spread**2, -e / spread**2

    return AnnotatorModel(chance, prior, (0.0,), ((-12.0, 12.0),))


def real_model(spread: float) -> AnnotatorModel:
    def chance(cells: AnnotatorCells, d: Floats, e: Floats) -> Chance:
        p = expit(e[0] * d)
        return Chance(p, e[0] * p * (1 - p), (d * p * (1 - p))[None])

    def prior(e: Floats) -> tuple[float, Floats]:
        return -0.5 * float(((e - 1) ** 2).sum()) / spread**2, -(e - 1) / spread**2

    return AnnotatorModel(
        chance, prior, (1.0,), ((None, None),), lambda e: -e, lambda e: float(e.mean()) >= 0
    )


METHOD = Method(
    title="Ability-scaled Bradley–Terry",
    family="ranking",
    consumes=(Comparisons,),
    solve=solve,
    options=AbilityOptions,
    reference="Raman & Joachims (2014), Methods for ordinal peer grading, KDD (grader reliability)",
    axioms=("neutrality", "annotators weighted by reliability"),
    version="2",  # 2: parts that share nothing each as if alone
)
