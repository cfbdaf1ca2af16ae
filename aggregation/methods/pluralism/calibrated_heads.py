"""Calibrated heads: how many people disagree, where nobody knows who.

Without annotator ids only shares of votes are known, and groups of people can't be found. An
ensemble of rewards u_m with weights a_m is fitted such that the weighted share of heads that prefer
i to j equals the share of people who do, stage by stage on what is left. score = the mean over
rivals of the same connected part of that weighted share, so a head counts like a block of people.

The fit's parameters hold the heads' utilities, their weights, and the root mean squared gap between
shares of heads and of people after each head. Ignores annotators even where they are known: use the
mixture then, as it also says who. Heads are not groups: other ensembles reproduce the same shares,
and a Gaussian mean and variance of reward isn't identifiable from pairs alone; an anchor question
("acceptable?") next to each pair would fix that. With few votes per pair the shares are coarse and
heads follow chance: read the gap with the number of votes. Intervals reweight annotators, or votes
where they are unknown, and are then too narrow.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate, Method
from aggregation.options import Options, option
from aggregation.personal.pairwise_calibration import CalibratedHeads, calibrated_heads
from aggregation.pluralism.votes import GroupVotes, pairs_weighted_by_gap, selected, votes_on_items
from aggregation.results import Fit
from aggregation.tables import Comparisons, Ratings
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from annotation.phrases import say

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class CalibratedHeadsOptions(Options):
    most: int = option(10, "Most heads", "Fewer if the shares are met.", low=1, high=50)
    ridge: float = option(0.1, "Ridge", "On each head.", low=1e-6)
    cannot_tell: Literal["tie", "drop"] = option("tie", "“Cannot tell”", "A tie, or left out.")


def solve(
    evidence: Comparisons | Ratings, options: CalibratedHeadsOptions, rng: np.random.Generator
) -> Estimate:
    pairs = pairs_weighted_by_gap(evidence) if isinstance(evidence, Ratings) else evidence
    table = selected(pairs, options.cannot_tell)
    if not (table.weights > 0).any():
        return Estimate(np.full(len(table.ids), np.nan), "share")
    n_parts, part = table.pair_counts().components
    crowd = _crowd(table)
    found = calibrated_heads(crowd, options.ridge, options.most)
    return Estimate(
        score=_score(found, part),
        score_kind="share",
        component=part.astype(np.int64),
        fit=Fit(
            n_obs=len(table),
            n_par=found.heads.size,
            iters=len(found.weights),
            n_components=n_parts,
            parameters={
                "weights": found.weights.tolist(),
                "heads": found.heads.T.tolist(),
                "gaps": found.gaps.tolist(),
                "pairs": len(crowd),
                "median_votes_per_pair": float(np.median(crowd.n)),
            },
            quasi=bool((table.y == 0).any()),
        ),
        warnings=_warnings(table, part, n_parts),
    )


def _crowd(table: Comparisons) -> GroupVotes:
    """The votes as those of one voice."""
    alone = replace(table, annotator=np.zeros(len(table), dtype=np.int32), annotator_ids=("all",))
    return votes_on_items(alone)


def _score(found: CalibratedHeads, part: NDArray[Any]) -> Floats:
    """Weighted share of heads for an item, averaged over its rivals."""
    score = np.where(part >= 0, 0.5, np.nan)
    if not len(found.weights):
        return score
    for p in range(int(part.max(initial=-1)) + 1):
        members = np.flatnonzero(part == p)
        if len(members) < 2:
            continue
        total = np.zeros(len(members))
        for head, weight in zip(found.heads[members].T.round(9), found.weights, strict=True):
            ranked = np.sort(head)
            below = np.searchsorted(ranked, head, "left")
            level = np.searchsorted(ranked, head, "right") - below - 1
            total += weight * (below + level / 2)
        score[members] = total / (len(members) - 1)
    return score


def _warnings(table: Comparisons, part: NDArray[Any], n_parts: int) -> tuple[ResultWarning, ...]:
    told: list[ResultWarning] = []
    unseen = np.flatnonzero(part < 0)
    if len(unseen):
        names = (table.ids[i] for i in unseen)
        told.append(warn(WarningCode.UNSEEN_ITEMS, say("%(n)s items", n=len(unseen)), names))
    if n_parts > 1:
        told.append(warn(WarningCode.DISCONNECTED, say("%(n)s parts", n=n_parts)))
    return tuple(told)


METHOD = Method(
    title="Calibrated heads",
    family="pluralism",
    consumes=(Comparisons, Ratings),
    solve=solve,
    options=CalibratedHeadsOptions,
    reference="Halpern, Micha, Procaccia & Shapira (2025), Pairwise Calibrated Rewards for "
    "Pluralistic Alignment, arXiv:2506.06298",
    axioms=("neutrality", "anonymity"),
)
