"""Noisy Bradley–Terry: an annotator either compares, or answers by the side an item is shown on.

Model: P(i over j | annotator k) = g_k sigma(theta_i - theta_j) + (1 - g_k) sigma(f q_k), with f =
+1 when i was shown first, -1 when j was, 0 unknown; g_k is the share of judgments really made and
q_k the pull to the first side. A tie is half of each. Priors: g ~ Beta(a, b), q ~ N(0, 1), Gaussian
strengths. L-BFGS with the exact gradient; not concave: LOCAL_OPTIMUM_RISK. It starts from everybody
comparing (g = 0.95), and from everybody answering half by the side he chose more often.

annotators.ability is g, annotators.bias is q. q means something only where the side is known and g
below 1. With one annotator neither is identified: Bradley–Terry with blank abilities, for all items
or for a part that shares neither items nor annotators with the others; every such part is fitted as
if alone.
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
class NoisyOptions(Options):
    penalty: float = option(0.1, "Penalty", "Ridge on strengths.", low=1e-6)
    prior_skill: float = option(2.0, "Prior a", "Of g ~ Beta(a, b); (1, 1) is flat.", low=1.0)
    prior_noise: float = option(1.0, "Prior b", "Of g ~ Beta(a, b).", low=1.0)
    max_iter: int = option(5000, "Iterations", "At most.", low=1)


def solve(table: Comparisons, options: NoisyOptions, rng: np.random.Generator) -> Estimate:
    plain = alone(table, options.penalty)
    if plain is not None:
        return plain
    cells = AnnotatorCells.of(table, sides=True)
    structure, ridge, begin = beginning(table, options.penalty)
    model = noisy_model(options.prior_skill, options.prior_noise)
    found = fit_annotators(cells, model, structure, ridge, begin, options.max_iter)
    g, q = found.e
    names = table.annotator_ids
    edge = tuple(f"g of {names[k]}" for k in range(len(names)) if min(g[k], 1 - g[k]) <= 1e-6)
    return dressed(
        table, cells, structure, found, g, "share of judgments really made", edge, bias=q
    )


def noisy_model(a: float, b: float) -> AnnotatorModel:
    def chance(cells: AnnotatorCells, d: Floats, e: Floats) -> Chance:
        (g, q), P = e, expit(d)
        R = expit(cells.side * q)
        slope = (1 - g) * cells.side * R * (1 - R)
        return Chance(g * P + (1 - g) * R, g * P * (1 - P), np.stack([P - R, slope]))

    def prior(e: Floats) -> tuple[float, Floats]:
        g, q = np.clip(e[0], 1e-12, 1 - 1e-12), e[1]
        value = float(((a - 1) * np.log(g) + (b - 1) * np.log1p(-g)).sum()) - 0.5 * float(q @ q)
        return value, np.stack([(a - 1) / g - (b - 1) / (1 - g), -q])

    low = 1e-9 if a > 1 else 0.0
    high = 1 - 1e-9 if b > 1 else 1.0

    def begin(cells: AnnotatorCells) -> Floats:
        """Everybody answers half by side, and pulls to the side that he chose more often."""
        to_first = np.where(cells.side > 0, cells.won, np.where(cells.side < 0, cells.lost, 0.0))
        known = (cells.won + cells.lost) * (cells.side != 0)
        chosen = np.bincount(cells.who, to_first, minlength=cells.J) + 1
        other = np.bincount(cells.who, known - to_first, minlength=cells.J) + 1
        return np.stack([np.full(cells.J, 0.5), np.log(chosen / other)])

    return AnnotatorModel(chance, prior, (0.95, 0.0), ((low, high), (None, None)), begin=begin)


METHOD = Method(
    title="Noisy Bradley–Terry",
    family="ranking",
    consumes=(Comparisons,),
    solve=solve,
    options=NoisyOptions,
    reference="Bugakova, Fedorova, Gusev & Drutsa (2019), arXiv:1906.03711",
    axioms=("neutrality", "annotators weighted by reliability"),
    version="2",  # 2: two starts, and parts that share nothing each as if alone
)
