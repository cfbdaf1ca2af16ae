"""PAL: personal rewards as distances to a person's own ideal point among a few prototypes.

Variant A: a person's ideal point is a mixture of K prototypes; of two responses the nearer one, in
a learned projection of their frozen embeddings, is preferred: logit = e^tau (|f(z_j) - u_a|^2 -
|f(z_i) - u_a|^2). Variant B: the ideal point is a mixture of K projections of the prompt (here the
mean embedding of its responses), and the cosine decides. Without embeddings every item gets a place
of its own (multidimensional unfolding), from which nothing carries over to new responses.

K is the smallest number whose held-out votes are predicted within one standard error of the best,
annotators being the independent units; the same votes end the training. Annotators with fewer than
five votes get the pooled prediction (K = 1), as an own one doesn't beat it by much and can lose.
With fewer than ten annotators who have five votes, or where one prototype predicts as well as more,
everybody gets the pooled one: NO_PERSONAL_SIGNAL.

score = the mean over annotators of the chance that the annotator prefers the item to an even rival
of the same connected part. The fit's parameters hold each annotator's weights, the accuracy on
held-out votes by K, and whose predictions are pooled. The model is in the run's folder.

Identifiability: f, the scale and the prototypes are free up to rotation, so no coordinate means
anything by itself; prototypes are not groups of people. Too many prototypes overfit. Optima are
local: several beginnings, LOCAL_OPTIMUM_RISK. Intervals reweight annotators and train on from the
fit for a few steps, with K fixed: they miss the uncertainty of K.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate, Method
from aggregation.methods.pluralism import _personal as personal
from aggregation.methods.pluralism._personal import PersonalOptions, Reading
from aggregation.options import option
from aggregation.personal.bench import Bench
from aggregation.personal.ideal_points import (
    ENOUGH_VOTES,
    Pal,
    PalFit,
    fit_pal,
    kept_model,
    log_odds,
    personal_weights,
    refitted,
)
from aggregation.personal.standing import standing
from aggregation.results import Fit
from aggregation.tables import Comparisons, Ratings
from aggregation.uncertainty import cluster_weight_rows
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from annotation.phrases import say

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class PalOptions(PersonalOptions):
    variant: Literal["A", "B"] = option(
        "A", "Variant", "A: ideal points. B: they depend on the prompt (needs embeddings)."
    )
    prototypes: int = option(
        0, "Prototypes", "0: as many as predict held-out votes best.", low=0, high=20
    )
    most: int = option(5, "Most prototypes", "To try when the number is chosen.", low=1, high=20)
    hidden: int = option(0, "Hidden units", "Of the projection; 0: it is linear.", low=0, high=1024)
    restarts: int = option(2, "Restarts", "Random beginnings; the best is kept.", low=1, high=20)


def solve(
    evidence: Comparisons | Ratings, options: PalOptions, rng: np.random.Generator
) -> Estimate:
    return train(evidence, options, rng, Bench())


def train(
    evidence: Comparisons | Ratings, options: PalOptions, rng: np.random.Generator, bench: Bench
) -> Estimate:
    reading = personal.read(evidence, options, with_prompts=options.variant == "B")
    if isinstance(reading, Estimate):
        return reading
    votes = reading.votes
    how = Pal(
        options.prototypes,
        options.most,
        options.variant,
        options.hidden,
        steps=options.steps,
        restarts=options.restarts,
        device=options.on_device,
    )
    key = f"{reading.table.digest()} {options}"
    fit = fit_pal(votes, how, rng, bench, key)
    eta = _own_log_odds(reading, fit)
    bench.keep(kept_model(fit.model, votes))
    return Estimate(
        score=_score(reading, fit),
        score_kind="probability",
        component=reading.part,
        annotators=personal.quality(
            reading,
            personal.agreement(votes, eta),
            "share of own votes that the model agrees with",
        ),
        replicates=_replicates(reading, fit, options, bench),
        fit=Fit(
            loglik=personal.log_likelihood(votes, eta),
            n_obs=len(reading.table),
            n_par=sum(a.size for a in fit.model.parameters.values()),
            iters=fit.steps,
            n_components=reading.n_parts,
            parameters=_described(reading, fit),
            quasi=bool((reading.table.y == 0).any()),
        ),
        warnings=(*reading.warnings, *_warnings(fit, options)),
    )


def _own_log_odds(reading: Reading, fit: PalFit) -> Floats:
    """Of each cell by the model that its person gets."""
    _, own = personal_weights(fit, reading.votes)
    theirs = log_odds(fit.model, reading.votes)
    return np.where(own[reading.votes.person], theirs, log_odds(fit.pooled, reading.votes))


def _score(reading: Reading, fit: PalFit, omega: Floats | None = None) -> Floats:
    votes = reading.votes
    weights, own = personal_weights(fit, votes)
    many = np.ones(votes.n_people) if omega is None else omega
    total, share = np.zeros(len(reading.part)), float(many.sum())
    if own.any():
        at_once = max(1, 20_000_000 // max(len(votes.points), 1))
        chosen = np.flatnonzero(own)
        for start in range(0, len(chosen), at_once):
            rows = chosen[start : start + at_once]
            rewards = fit.model.rewards(votes, weights[rows])
            some = float(many[rows].sum()) / share
            total += some * standing(votes, rewards, reading.part, many[rows])
    if not own.all():
        rewards = fit.pooled.rewards(votes, np.ones((1, 1)))
        total += float(many[~own].sum()) / share * standing(votes, rewards, reading.part)
    return total


def _replicates(reading: Reading, fit: PalFit, options: PalOptions, bench: Bench) -> Floats | None:
    """Scores float64[B, K] under reweighted annotators, trained on from the fit."""
    votes = reading.votes
    if not options.replicates or votes.n_people < 2:
        return None
    _, count = reading.table.clusters
    rows: list[Floats] = []
    for block in cluster_weight_rows(options.seed, options.replicates, count):
        for weights in block:
            omega = weights[votes.people]
            again = replace(votes, k=votes.k * omega[votes.person], n=votes.n * omega[votes.person])
            rows.append(_score(reading, refitted(fit, again), omega))
            bench.watch(len(rows), options.replicates)
    return np.array(rows)


def _described(reading: Reading, fit: PalFit) -> dict[str, Any]:
    weights, own = personal_weights(fit, reading.votes)
    return reading.described() | {
        "variant": fit.model.how.variant,
        "device": fit.device,
        "prototypes": fit.model.n_prototypes,
        "prototype_shares": weights[own].mean(axis=0).tolist() if own.any() else [1.0],
        "numbers_tried": list(fit.tried),
        "held_out": fit.held_out.tolist(),
        "held_out_accuracy": fit.accuracy.tolist(),
        "held_out_deficit_error": fit.deficit_error.tolist(),
        "gate": fit.gate,
        "people_pooled": int((~own).sum()),
        "weights": personal.by_annotator(reading, weights, own),
        "notes": [f"Annotators with fewer than {ENOUGH_VOTES} votes get the pooled prediction."],
    }


def _warnings(fit: PalFit, options: PalOptions) -> list[ResultWarning]:
    told: list[ResultWarning] = []
    if fit.is_personal:
        told.append(
            warn(
                WarningCode.LOCAL_OPTIMUM_RISK,
                say("%(n)s starts", n=options.restarts),
            )
        )
    elif not options.prototypes:
        reason = fit.gate or "one prototype predicts held-out votes as well as more do"
        told.append(warn(WarningCode.NO_PERSONAL_SIGNAL, reason))
    return told


METHOD = Method(
    title="PAL: ideal points of persons",
    family="pluralism",
    consumes=(Comparisons, Ratings),
    solve=solve,
    train=train,
    options=PalOptions,
    bootstrap=False,
    version="2",  # 2: people learned from aren't drawn to the middle of the prototypes
    reference="Chen, Chen, Rege & Vinayak (2024), PAL: Pluralistic Alignment Framework for "
    "Learning from Heterogeneous Preferences, arXiv:2406.08469",
    axioms=("neutrality", "anonymity", "each annotator counts once"),
)
