"""Weak-to-strong boosting: weak judges combined against gold, each new one where the others failed
(SAMME).

Gold units start with equal weight. Each round takes the judge of least weighted error e among his
labels on gold (judges with the same error share the round), gives him alpha = log((1 - e)/e) +
log(C - 1), and multiplies the weight of the units he got wrong by exp(alpha). It stops when even
the best judge is no better than chance, e >= 1 - 1/C, or after `rounds`. score[u, c] = sum of alpha
of judges who said c, as a share. e is kept half a unit away from 0.

A judge is an annotator (person or model). Needs gold for tens of units per useful judge; without
gold all count the same (NO_GOLD). Correlated judges don't add up: the second of two twins gets no
round once the first has done its work.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate, Method
from aggregation.methods.consensus._labelling import labelled, quality, shares, weighted_shares
from aggregation.options import Options, option
from aggregation.results import Fit
from aggregation.tables import Labels
from aggregation.warning_codes import WarningCode, warn
from annotation.phrases import say

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class BoostingOptions(Options):
    rounds: int = option(20, "Rounds", "At most; each adds one judge.", low=1, high=10_000)


def solve(table: Labels, options: BoostingOptions, rng: np.random.Generator) -> Estimate:
    rows = table.answered()
    people, count = rows.people
    n = np.bincount(people, minlength=count)
    if table.gold is None or not (table.gold >= 0).any() or table.n_classes < 2:
        return labelled(table, shares(table.counts()), warnings=(warn(WarningCode.NO_GOLD),))
    alpha, rounds = _boost(rows, table.gold, people, count, options.rounds)
    posterior = weighted_shares(rows, rows.weights * alpha[people])
    fit = Fit(n_obs=len(table), iters=rounds, parameters={"alpha": alpha.tolist()})
    return labelled(table, posterior, quality(table, alpha, n, say("weight alpha")), fit)


def _boost(
    rows: Labels, gold: NDArray[np.int32], people: NDArray[np.int32], count: int, rounds: int
) -> tuple[Floats, int]:
    C = rows.n_classes
    truth = gold[rows.unit]
    tested = truth >= 0
    who, unit, vote = people[tested], rows.unit[tested], rows.weights[tested]
    wrong = rows.label[tested] != truth[tested]
    alpha, weight = np.zeros(count), np.ones(rows.n_units)
    for step in range(rounds):
        mass = vote * weight[unit]
        total = np.bincount(who, mass, minlength=count)
        failed = np.bincount(who, mass * wrong, minlength=count)
        floor = 0.5 / np.maximum(np.bincount(who, vote, minlength=count), 1.0)
        error = np.where(total > 0, failed / np.where(total > 0, total, 1.0), np.inf)
        error = np.clip(error, floor, np.where(total > 0, 1 - floor, np.inf))
        best = error.min()
        if not best < 1 - 1 / C:
            return alpha, step
        chosen = error <= best + 1e-12
        gain = np.log((1 - best) / best) + np.log(C - 1)
        alpha = alpha + chosen * gain / chosen.sum()
        missed = np.bincount(unit, wrong & chosen[who], minlength=rows.n_units) > 0
        weight = weight * np.where(missed, np.exp(gain), 1.0)
        weight = weight / weight.max()
    return alpha, rounds


METHOD = Method(
    title="Weak-to-strong boosting (SAMME)",
    family="consensus",
    consumes=(Labels,),
    solve=solve,
    options=BoostingOptions,
    reference="Hastie, Rosset, Zhu & Zou (2009), Statistics and Its Interface 2 (SAMME)",
    axioms=("neutrality", "annotators weighted by reliability"),
)
