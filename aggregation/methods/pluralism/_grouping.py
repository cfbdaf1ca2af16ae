"""What methods on groups share: their options, the groups these ask for, and plain data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate
from aggregation.options import Options, option
from aggregation.pluralism import grouping
from aggregation.pluralism.grouping import Grouping as Grouping
from aggregation.pluralism.grouping import (
    Plan,
    contexts_of_people,
    declared_groups,
    groups_of_votes,
    latent_groups,
    parsed_groups,
)
from aggregation.pluralism.latent import Climb, Mixture
from aggregation.pluralism.votes import pairs_weighted_by_gap, selected
from aggregation.results import AnnotatorQuality, Fit
from aggregation.tables import Comparisons, Ratings
from annotation.phrases import say

Floats = NDArray[np.float64]
FEW_PEOPLE = 12  # annotators below which intervals mean little
LISTED = 2_000  # annotators whose memberships are written into a result


@dataclass(frozen=True, kw_only=True)
class GroupOptions(Options):
    by: Literal["latent", "declared", "context", "attribute"] = option(
        "latent",
        "Groups",
        "Found in the votes, declared below, the table's contexts, or a survey attribute.",
    )
    declared: str | None = option(
        None, "Declared groups", 'JSON of annotator ids and groups: {"ann": "north"}.'
    )
    attribute: str | None = option(
        None,
        "Survey attribute",
        "Whose values are the groups, as annotators had declared it when they judged.",
    )
    groups: int = option(
        0, "Number of groups", "0: as many as the data can tell apart.", low=0, high=12
    )
    most: int = option(5, "Most groups", "To try when the number is chosen.", low=1, high=12)
    form: Literal["items", "features"] = option(
        "items",
        "Utilities",
        "One per item; or weights of the table's covariates, for many items with few votes each.",
    )
    ridge: float = option(0.3, "Ridge", "On utilities; 1 suits covariates.", low=1e-6)
    noise: bool = option(
        True, "Random votes", "A component for annotators whose votes look random."
    )
    hard: bool = option(
        False, "Hard assignment", "Each annotator wholly in one group, as first published."
    )
    restarts: int = option(8, "Restarts", "Random beginnings; the best is kept.", low=1, high=200)
    cannot_tell: Literal["tie", "drop"] = option("tie", "“Cannot tell”", "A tie, or left out.")

    @property
    def reads_embeddings(self) -> bool:
        return self.form == "features"

    def plan(self) -> Plan:
        how = Climb(self.ridge, self.noise, self.hard, self.restarts)
        return Plan(how, self.groups, self.most, self.form)


def comparisons_of(evidence: Comparisons | Ratings, options: GroupOptions) -> Comparisons:
    table = pairs_weighted_by_gap(evidence) if isinstance(evidence, Ratings) else evidence
    return selected(table, options.cannot_tell)


def groups_of(table: Comparisons, options: GroupOptions, rng: np.random.Generator) -> Grouping:
    """The groups that the options ask for. The table must hold a comparison of positive weight."""
    plan = options.plan()
    if options.by == "latent":
        return latent_groups(table, plan, rng)
    if options.by == "attribute":
        return groups_of_votes(table, plan)
    if options.by == "context":
        return declared_groups(table, plan, contexts_of_people(table))
    return declared_groups(table, plan, parsed_groups(options.declared or "{}"))


def replicates(
    found: Grouping, options: GroupOptions, K: int, score: Callable[[Grouping, Mixture], Floats]
) -> Floats:
    """Scores float64[B, K] under reweighted annotators, groups refitted and matched by label."""
    rows = grouping.replicates(found, options.seed, options.replicates, score)
    return np.array(rows, dtype=np.float64).reshape(len(rows), K)


def quality(found: Grouping) -> AnnotatorQuality | None:
    """Per annotator the chance that the votes aren't random."""
    table = found.table
    if table.annotator is None or not table.annotator_ids:
        return None
    A = len(table.annotator_ids)
    known = found.votes.people < A
    ability, n = np.full(A, np.nan), np.zeros(A, dtype=np.int64)
    ability[found.votes.people[known]] = 1 - found.mixture.gamma[known, -1]
    n[:] = np.bincount(table.annotator[table.annotator >= 0], minlength=A)
    return AnnotatorQuality(
        table.annotator_ids, ability, n, ability_kind=say("chance that the votes aren't random")
    )


def described(found: Grouping) -> dict[str, Any]:
    """The groups as plain data for a result's parameters."""
    mixture, choice = found.mixture, found.choice
    certain = mixture.gamma.max(axis=1)
    plain: dict[str, Any] = {
        "groups": list(found.names),
        "shares": mixture.shares.tolist(),
        "expected_members": mixture.sizes.tolist(),
        "random_share": mixture.noise_share,
        "people": found.votes.n_people,
        "median_votes": float(np.median(found.votes.votes_each)),
        "share_of_people_placed": float((certain > 0.8).mean()),
        "utilities": found.utilities(mixture).tolist(),
        "welfare": found.worth(mixture).tolist(),
        "notes": list(found.notes),
        "members": _members(found),
    }
    if found.votes.n_people < FEW_PEOPLE:
        plain["notes"].append(f"{found.votes.n_people} annotators are too few people for intervals")
    if choice is not None:
        plain |= {
            "numbers_tried": list(choice.tried),
            "bic": choice.bic.tolist(),
            "held_out": choice.heldout.tolist(),
            "held_out_deficit_error": choice.heldout_deficit_se.tolist(),
            "number_by_bic": choice.by_bic,
            "number_by_held_out": choice.by_heldout,
            "gate": list(choice.gate),
        }
    return plain


def fit_of(found: Grouping, parameters: dict[str, Any]) -> Fit:
    mixture = found.mixture
    free = found.votes.design.free
    return Fit(
        loglik=mixture.loglik,
        penalised=mixture.penalised,
        n_obs=len(found.table),
        n_par=mixture.n_groups * free + mixture.n_groups - 1 + int(found.how.noise),
        iters=mixture.iters,
        converged=mixture.converged,
        n_components=found.n_parts,
        parameters=parameters,
        quasi=bool((found.table.y == 0).any()),
    )


def nothing_to_group(table: Comparisons) -> Estimate:
    """The answer where no comparison has weight."""
    return Estimate(score=np.full(len(table.ids), np.nan), score_kind="probability")


def _members(found: Grouping) -> dict[str, list[float]]:
    """Chance of each component by annotator's id, random votes last."""
    ids = found.table.annotator_ids
    if found.votes.n_people > LISTED:
        return {}
    return {
        str(ids[c]): row
        for c, row in zip(found.votes.people.tolist(), found.mixture.gamma.tolist(), strict=True)
        if c < len(ids)
    }
