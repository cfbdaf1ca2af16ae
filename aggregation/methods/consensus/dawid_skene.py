"""Dawid–Skene: every annotator has a confusion matrix, learned together with the true classes.

Model: class c of a unit has prior p_c; annotator j says l with probability E_j[c, l], independently
given c. EM starts from vote shares: the posterior T[u, c] is proportional to p_c prod E_j[c, l]^w,
then p = mean T and E_j[c, l] = expected share. A diagonal-heavy Dirichlet prior (pseudo-counts
`smoothing` on the diagonal, half of it spread over each row) keeps estimates off the boundary and
the meaning of labels fixed; with `smoothing=0` it is the classical maximum likelihood. The
penalised marginal log-likelihood rises in every step and decides when to stop. Gold units keep
their class.

Not identified with a single annotator or a single class (vote shares are given then), and up to a
relabelling between annotators who share no unit (LABEL_SWITCHING). Learns C(C-1) numbers per
annotator: with few labels each, or equally good annotators, it is no better than the majority;
prefer one-coin there. An adversarial majority turns the labels round. A unit that nobody labelled
has the prior for posterior, but neither score nor label.
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
NAMED = 50  # boundary parameters named in a result


def solve(table: Labels, options: EmOptions, rng: np.random.Generator) -> Estimate:
    plain: Estimate | None = votes_.without_model(table)
    if plain is not None:
        return plain
    votes = votes_.Votes.of(table)
    prior = prior_counts(votes.C, options.smoothing)

    def maximise(T: Floats) -> tuple[Floats, Floats]:
        N = votes.counts(T) + prior
        total = N.sum(axis=1, keepdims=True)
        E = np.where(total > 0, N / np.where(total > 0, total, 1.0), 1.0 / votes.C)
        return votes_.class_share(T, votes.seen), E

    def evidence(params: tuple[Floats, Floats]) -> Floats:
        p, E = params
        found = votes.evidence(votes_.logs(E))
        found += votes_.logs(p)
        return found

    def log_prior(params: tuple[Floats, Floats]) -> float:
        return float((prior * votes_.logs(params[1])).sum()) if options.smoothing else 0.0

    def leap(x: Params, y: Params, z: Params) -> Params:
        E = votes_.squared_extrapolation(x[1], y[1], z[1])
        return votes_.squared_extrapolation(x[0], y[0], z[0]), E

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
    p, E = found.params
    ability = np.einsum("c,jcc->j", p, E)
    confusion = E.transpose(0, 2, 1)
    annotators = quality(table, ability, votes.n, say("chance of being right"), confusion=confusion)
    fit = votes_.fit_of(
        found,
        len(table),
        votes.C - 1 + votes.J * votes.C * (votes.C - 1),
        _boundary(table, confusion),
        class_share=p.tolist(),
    )
    warnings = votes_.block_warnings(votes.blocks)
    return labelled(table, found.T, annotators, fit, warnings, votes.seen)


def prior_counts(C: int, smoothing: float) -> Floats:
    """Pseudo-counts [1, l, c]: `smoothing` on the diagonal, half of it spread over the rest of a
    class.
    """
    off = np.full((C, C), 0.5 / (C - 1))
    np.fill_diagonal(off, 1.0)
    return smoothing * off[None]


def _boundary(table: Labels, confusion: Floats) -> tuple[str, ...]:
    J = min(len(confusion), len(table.annotator_ids))
    j, c, k = np.nonzero(confusion[:J] < 1e-9)
    names = zip(j[:NAMED].tolist(), c[:NAMED].tolist(), k[:NAMED].tolist(), strict=True)
    who, what = table.annotator_ids, table.label_ids
    return tuple(f"{who[a]}: {what[x]} called {what[y]}" for a, x, y in names)


METHOD = Method(
    title="Dawid–Skene",
    family="consensus",
    consumes=(Labels,),
    solve=solve,
    options=EmOptions,
    reference="Dawid & Skene (1979), Journal of the Royal Statistical Society C 28",
    axioms=("neutrality", "annotators weighted by reliability"),
    version="2",  # units without votes have their prior, but no score and no label
)
