"""MORE: one joint reward head for several groups, which no group pays for.

L_g is the mean logistic loss of group g's votes, with a ridge. The head moves along -sum_g lambda_g
grad L_g, where lambda on the simplex makes that sum's length least: a direction in which the loss
of every group falls. It stops where there is none (Pareto-stationary). Groups are found in the
votes, declared, or contexts such as projects or prompts' topics; each weighs the same, whatever its
number of votes. Ties count half each way.

score = the head's chance that an item is preferred to an even rival of the same connected part. The
fit's parameters compare, for each group, loss, accuracy and calibration error (ten bins of equal
width) of the joint head, of the head pooled over people, and of the group's own; and say which
groups bind (lambda > 0).

Where it misleads: groups with opposite tastes leave no common direction, so the head stays even and
says so by a loss of log 2: no single reward serves both, use one head per group. The stopping point
depends on the start (zero) and is one of many that are Pareto-stationary. Latent groups are
estimated from the same votes; accuracies are in-sample. Intervals reweight annotators and refit
groups and head.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from aggregation.diagnostics.calibration import calibration
from aggregation.method import Estimate, Method
from aggregation.methods.pluralism import _grouping as grouping
from aggregation.methods.pluralism._grouping import GroupOptions
from aggregation.personal.joint_head import JointHead, group_scores, joint_head
from aggregation.pluralism.grouping import Grouping
from aggregation.pluralism.latent import Mixture, pooled
from aggregation.tables import Comparisons, Ratings
from aggregation.uncertainty import cluster_weight_rows

Floats = NDArray[np.float64]
OUTCOMES = 20_000  # votes on which a group's calibration is measured, at most


def solve(
    evidence: Comparisons | Ratings, options: GroupOptions, rng: np.random.Generator
) -> Estimate:
    table = grouping.comparisons_of(evidence, options)
    if not (table.weights > 0).any():
        return grouping.nothing_to_group(table)
    found = grouping.groups_of(table, options, rng)
    head = _head(found, found.mixture, None)
    described = grouping.described(found) | _compared(found, head)
    fit = grouping.fit_of(found, described)
    return Estimate(
        score=_score(found, head),
        score_kind="probability",
        component=found.part,
        annotators=grouping.quality(found),
        fit=fit,
        warnings=found.warnings,
    )


def _head(found: Grouping, mixture: Mixture, omega: Floats | None) -> JointHead:
    members = mixture.gamma[:, :-1]
    if omega is not None:
        members = members * omega[:, None]
    return joint_head(found.votes, members, found.how.ridge)


def _score(found: Grouping, head: JointHead) -> Floats:
    return np.asarray(found.worth(_as_mixture(found, head.weights))[0])


def _as_mixture(found: Grouping, weights: Floats) -> Mixture:
    A = found.votes.n_people
    alone = np.column_stack([np.ones(A), np.zeros(A)])
    nothing = float("nan")
    return Mixture(weights[:, None], np.array([1.0, 0.0]), alone, nothing, nothing, 0, True)


def _compared(found: Grouping, head: JointHead) -> dict[str, Any]:
    """The joint head, the pooled one and each group's own, seen by each group."""
    votes, mixture = found.votes, found.mixture
    gamma = mixture.gamma[votes.annotator, :-1]
    single = pooled(votes, found.how).parameters[:, 0]
    heads = {"joint": head.weights, "pooled": single}
    plain: dict[str, Any] = {
        "lambda": head.lambda_.tolist(),
        "head": head.weights.tolist(),
        "steps": head.steps,
        "no_common_direction": bool(np.abs(head.weights).max(initial=0.0) < 1e-6),
    }
    for name, w in heads.items():
        losses, right = group_scores(votes, gamma, w)
        plain[f"{name}_loss"], plain[f"{name}_accuracy"] = losses.tolist(), right.tolist()
        plain[f"{name}_calibration_error"] = [
            _calibration_error(found, w, gamma[:, g]) for g in range(gamma.shape[1])
        ]
    own = [group_scores(votes, gamma, mixture.parameters[:, g]) for g in range(gamma.shape[1])]
    plain["own_loss"] = [float(losses[g]) for g, (losses, _) in enumerate(own)]
    plain["own_accuracy"] = [float(right[g]) for g, (_, right) in enumerate(own)]
    return plain


def _calibration_error(found: Grouping, w: Floats, gamma: Floats) -> float | None:
    """Expected calibration error on the votes of the people most likely in the group."""
    votes = found.votes
    rows = np.flatnonzero((gamma > 0.5) & (2 * votes.k != votes.n))[:OUTCOMES]
    if not len(rows):
        return None
    p = expit(votes.design.log_odds(w[:, None])[rows, 0])
    return calibration(p, (2 * votes.k > votes.n)[rows].astype(float)).ece


def resample(
    table: Any, evidence: Comparisons | Ratings, estimate: Estimate, options: GroupOptions
) -> Floats | None:
    pairs = grouping.comparisons_of(evidence, options)
    if not (pairs.weights > 0).any():
        return None
    found = grouping.groups_of(pairs, options, np.random.default_rng(options.seed))
    if found.n_people < 2:
        return np.zeros((0, len(estimate.score)))
    rows: list[Floats] = []
    for block in cluster_weight_rows(options.seed, options.replicates, pairs.clusters[1]):
        for weights in block:
            omega = weights[found.votes.people]
            again = found.refit(omega, np.random.default_rng([options.seed, len(rows)]))
            rows.append(_score(found, _head(found, again, omega)))
    return np.array(rows).reshape(len(rows), len(estimate.score))


METHOD = Method(
    title="MORE: one head for several groups",
    family="pluralism",
    consumes=(Comparisons, Ratings),
    solve=solve,
    options=GroupOptions,
    resample=resample,
    reference="Zeng et al. (2023), On Diversified Preferences of Large Language Model Alignment, "
    "arXiv:2312.07401; Désidéri (2012), Comptes Rendus Mathématique 350",
    axioms=("neutrality", "anonymity within groups", "groups weigh the same"),
    version="2",  # features of items come nearest to covariates by weight
)
