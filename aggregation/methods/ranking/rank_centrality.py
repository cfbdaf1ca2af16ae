"""Rank Centrality: a random walk that moves to items which beat the present one; often visited
means strong.

From i the walk steps to an opponent j with probability (1/d) W_ji/n_ij (ties count half), d being
the largest number of opponents of an item, and stays otherwise. The score is the logarithm of the
stationary distribution, mean 0; under the Bradley–Terry model it estimates the same strengths with
near-optimal error. Each pair weighs the same however often it was judged (only its win rate
enters).

Needs strong connectivity: where some items always win, the walk ends there and scores of that part
stay blank (NOT_STRONGLY_CONNECTED). Parts never compared have separate scales.
"""

import numpy as np
from numpy.typing import NDArray

from aggregation.links import Link
from aggregation.method import Estimate, Method
from aggregation.methods.ranking._structure import structure_of
from aggregation.options import Options
from aggregation.results import Fit
from aggregation.tables import PairCounts, TableError
from aggregation.tables.pair_counts import DENSE_LIMIT
from annotation.phrases import say

Floats = NDArray[np.float64]


def solve(counts: PairCounts, options: Options, rng: np.random.Generator) -> Estimate:
    structure = structure_of(counts)
    score = np.full(counts.n_items, np.nan)
    for part in range(structure.n_parts):
        members = np.flatnonzero((structure.part == part) & ~structure.loose)
        if not len(members):
            continue
        if len(members) > DENSE_LIMIT:
            raise TableError(
                say(
                    "Rank Centrality takes at most %(dense_limit)s connected items.",
                    dense_limit=f"{DENSE_LIMIT:,}",
                )
            )
        sub = counts.take(members)
        wins = np.asarray(sub.half_ties if sub.is_dense else sub.half_ties.toarray())
        score[members] = _log_stationary(wins)
    return Estimate(
        score=score,
        score_kind="logit",
        component=np.where(np.isnan(score), -1, structure.part),
        link=Link("logistic", score),
        fit=Fit(n_obs=counts.rows, n_components=structure.n_parts, separated=structure.separated),
        warnings=structure.warnings,
    )


def _log_stationary(wins: Floats) -> Floats:
    """Centred log of the stationary distribution of the walk on one strongly connected part."""
    games = wins + wins.T
    rate = np.where(games > 0, wins.T / np.where(games > 0, games, 1.0), 0.0)
    step = rate / max(int((games > 0).sum(axis=1).max()), 1)
    balance = step.T - np.diag(step.sum(axis=1))
    balance[-1] = 1.0
    target = np.zeros(len(wins))
    target[-1] = 1.0
    log_pi = np.log(np.linalg.solve(balance, target))
    return np.asarray(log_pi - log_pi.mean())


METHOD = Method(
    title="Rank Centrality",
    family="ranking",
    consumes=(PairCounts,),
    solve=solve,
    reference="Negahban, Oh & Shah (2017), Operations Research 65",
    axioms=("neutrality", "anonymity"),
)
