"""Equilibrium ranking, the consensus game between a generator and a discriminator.

Over the samples y and v in {correct, incorrect}: pi_G(y|v) starts from the generator's likelihoods,
pi_D(v|y) from the discriminator's yes or no. Both move towards what the other on average says,
held to their start by lambda:

    pi_G^(t+1)(y|v) ∝ exp[(Q_G + lambda log pi_G^1(y|v)) / (1/(eta t) + lambda)],
    Q_G(y|v) = (1/2t) sum_(s<=t) pi_D^s(v|y), and likewise for the discriminator.

Ranked by pi_G(y|correct) or pi_D(correct|y). Payoffs are averaged, as the regret bound asks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation.phrases import say
from models_runtime.selection import (
    NOTHING,
    Choice,
    Extra,
    Need,
    NotEnough,
    Sample,
    best_by,
    check_samples,
    needed,
)

Rows = list[list[float]]  # [v][y], v = 0 correct, 1 incorrect
_FLOOR = 1e-12


@dataclass(frozen=True, slots=True)
class EquilibriumOptions:
    """`rank_by` is generator or discriminator."""

    eta: float = 0.1
    lam: float = 0.1
    iterations: int = 5000
    rank_by: str = "discriminator"

    def __post_init__(self) -> None:
        if self.eta <= 0 or self.lam < 0 or self.iterations < 1:
            raise ValueError("eta is above 0, lam 0 or more, iterations at least 1")
        if self.rank_by not in {"generator", "discriminator"}:
            raise ValueError("rank_by is generator or discriminator")


@dataclass(frozen=True)
class EquilibriumRanking:
    """See the module's docstring."""

    title: str = "Equilibrium ranking (consensus game)"
    needs: frozenset[Need] = frozenset({Need.LIKELIHOODS})
    extra_calls: str = "label probabilities of 2N prompts"
    reference: str = "Jacob et al. 2023, arXiv:2310.09139"
    options_class: type[Any] = field(default=EquilibriumOptions)

    def select(
        self,
        samples: Sequence[Sample],
        options: EquilibriumOptions | None = None,
        extra: Extra = NOTHING,
    ) -> Choice:
        check_samples(samples)
        options = options or EquilibriumOptions()
        ordered = sorted(samples, key=lambda sample: sample.id)
        generator, discriminator = equilibrium(*_start(ordered), options)
        ranking = generator[0] if options.rank_by == "generator" else discriminator[0]
        scores = {sample.id: value for sample, value in zip(ordered, ranking, strict=True)}
        chosen = best_by(ordered, scores)
        reason = f"The {options.rank_by} ends at {scores[chosen.id]:.4g} for it."
        return Choice(chosen.id, scores, reason)


def _start(samples: Sequence[Sample]) -> tuple[Rows, Rows]:
    likelihoods = [list(needed(samples, name).values()) for name in ("p_correct", "p_incorrect")]
    yes = list(needed(samples, "p_yes").values())
    if any(value < 0 for row in likelihoods for value in row) or any(
        not 0 <= value <= 1 for value in yes
    ):
        raise NotEnough(say("Likelihoods are 0 or more and p_yes lies between 0 and 1."))
    return [_normal(row) for row in likelihoods], [yes, [1 - value for value in yes]]


def equilibrium(
    generator: Rows, discriminator: Rows, options: EquilibriumOptions
) -> tuple[Rows, Rows]:
    """pi_G[v][y] (rows sum to 1) and pi_D[v][y] (columns sum to 1) after the iterations."""
    first_g = [[math.log(max(p, _FLOOR)) for p in row] for row in generator]
    first_d = [[math.log(max(p, _FLOOR)) for p in row] for row in discriminator]
    sum_g = [[0.0] * len(row) for row in generator]
    sum_d = [[0.0] * len(row) for row in discriminator]
    g, d = generator, discriminator
    places = range(len(generator[0]))
    for t in range(1, options.iterations + 1):
        for v in (0, 1):
            for y in places:
                sum_g[v][y] += g[v][y]
                sum_d[v][y] += d[v][y]
        divisor = 1 / (options.eta * t) + options.lam
        g = [
            _normal(
                _exp(
                    [
                        (sum_d[v][y] / (2 * t) + options.lam * first_g[v][y]) / divisor
                        for y in places
                    ]
                )
            )
            for v in (0, 1)
        ]
        columns = [
            _normal(
                _exp(
                    [
                        (sum_g[v][y] / (2 * t) + options.lam * first_d[v][y]) / divisor
                        for v in (0, 1)
                    ]
                )
            )
            for y in places
        ]
        d = [[columns[y][v] for y in places] for v in (0, 1)]
    return g, d


def _exp(logs: list[float]) -> list[float]:
    highest = max(logs)
    return [math.exp(value - highest) for value in logs]


def _normal(values: list[float]) -> list[float]:
    total = math.fsum(values)
    if total <= 0:
        return [1 / len(values)] * len(values)
    return [value / total for value in values]


SELECTOR = EquilibriumRanking()
