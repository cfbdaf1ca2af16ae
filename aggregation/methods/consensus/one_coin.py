"""One-coin model: every annotator has one chance of being right; errors fall on the other classes
alike.

Model: P(l | c, j) = s_j when l = c and (1 - s_j)/(C - 1) otherwise; class prior p. EM as in
Dawid–Skene with one number per annotator: s_j = (expected number right + smoothing) / (number of
votes + 1.5 smoothing). The penalised marginal log-likelihood rises in every step. Gold units keep
their class.

The sturdier choice when annotators gave few labels each. Not identified with a single annotator or
class (vote shares are given); (s, class) and its mirror explain binary votes alike, and the start
from vote shares picks the side of the majority. s_j = 0.5 of two classes means a coin; below it, an
adversary whose votes count against his label. A unit that nobody labelled has the prior for
posterior, but neither score nor label.
"""

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate, Method
from aggregation.methods.consensus import _votes as votes_
from aggregation.methods.consensus._em_options import EmOptions
from aggregation.methods.consensus._labelling import labelled, quality
from aggregation.tables import Labels
from annotation.phrases import say

Floats = NDArray[np.float64]
Params = tuple[Floats, Floats]


def solve(table: Labels, options: EmOptions, rng: np.random.Generator) -> Estimate:
    plain: Estimate | None = votes_.without_model(table)
    if plain is not None:
        return plain
    votes = votes_.Votes.of(table)
    C, smoothing = votes.C, options.smoothing
    same = np.eye(C, dtype=np.bool_)

    def maximise(T: Floats) -> tuple[Floats, Floats]:
        N = votes.counts(T)
        right, total = np.einsum("jcc->j", N), N.sum(axis=(1, 2))
        s = (right + smoothing) / np.maximum(total + 1.5 * smoothing, votes_.FLOOR)
        return votes_.class_share(T, votes.seen), np.clip(s, 0.0, 1.0)

    def evidence(params: tuple[Floats, Floats]) -> Floats:
        p, s = params
        logE = np.where(
            same, votes_.logs(s)[:, None, None], votes_.logs((1 - s) / (C - 1))[:, None, None]
        )
        return votes.evidence(logE) + votes_.logs(p)

    def log_prior(params: tuple[Floats, Floats]) -> float:
        s = params[1]
        return (
            float(smoothing * (votes_.logs(s) + 0.5 * votes_.logs(1 - s)).sum())
            if smoothing
            else 0.0
        )

    def leap(x: Params, y: Params, z: Params) -> Params:
        odds = [np.stack([v[1], 1 - v[1]]) for v in (x, y, z)]
        return votes_.squared_extrapolation(x[0], y[0], z[0]), votes_.squared_extrapolation(*odds)[
            0
        ]

    found = votes_.expectation_maximisation(
        votes,
        votes_.first_guess(table),
        maximise,
        evidence,
        log_prior,
        table.gold,
        options.max_iter,
        options.tol,
        leap,
    )
    p, s = found.params
    edge = [
        f"{table.annotator_ids[j]}"
        for j in np.flatnonzero((s < 1e-9) | (s > 1 - 1e-9))
        if j < len(table.annotator_ids)
    ]
    fit = votes_.fit_of(found, len(table), C - 1 + votes.J, tuple(edge), class_share=p.tolist())
    annotators = quality(table, s, votes.n, say("chance of being right"))
    warnings = votes_.block_warnings(votes.blocks)
    return labelled(table, found.T, annotators, fit, warnings, votes.seen)


METHOD = Method(
    title="One-coin model",
    family="consensus",
    consumes=(Labels,),
    solve=solve,
    options=EmOptions,
    reference="Zhang, Chen, Zhou & Jordan (2016), Journal of Machine Learning Research 17",
    axioms=("neutrality", "annotators weighted by reliability"),
    version="2",  # units without votes have their prior, but no score and no label
)
