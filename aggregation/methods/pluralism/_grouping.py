"""What methods on groups share: their options, the groups of a table, refitting, and plain data."""

import json
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate
from aggregation.options import Options, option
from aggregation.pluralism.choosing import GroupChoice, choose_groups
from aggregation.pluralism.latent import (
    Climb,
    Mixture,
    begin,
    dealt,
    fixed_groups,
    matched,
    random_start,
    refined,
    relabelled,
)
from aggregation.pluralism.votes import (
    GroupVotes,
    pairs_weighted_by_gap,
    selected,
    votes_on_features,
    votes_on_items,
)
from aggregation.pluralism.welfare import Kind, welfare
from aggregation.results import AnnotatorQuality, Fit
from aggregation.tables import Comparisons, Ratings, TableError
from aggregation.uncertainty import cluster_weight_rows
from aggregation.warning_codes import ResultWarning, WarningCode, warn

Floats = NDArray[np.float64]
FEW_PEOPLE = 12  # annotators below which intervals mean little
LISTED = 2_000  # annotators whose memberships are written into a result


@dataclass(frozen=True, kw_only=True)
class GroupOptions(Options):
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

    def climb(self) -> Climb:
        return Climb(self.ridge, self.noise, self.hard, self.restarts)


@dataclass(frozen=True, eq=False)
class Grouping:
    """The groups of a table and their utilities of its items.

    basis      float64[K, d]: utilities of items = basis @ parameters (None: they are the same)
    part       int64[K], connected part of each item, -1 for items nobody compared
    declared   membership [A, G + 1] where groups were declared, else None
    """

    table: Comparisons
    votes: GroupVotes
    how: Climb
    mixture: Mixture
    choice: GroupChoice | None
    names: tuple[str, ...]
    basis: Floats | None
    part: NDArray[np.int64]
    n_parts: int
    warnings: tuple[ResultWarning, ...]
    declared: Floats | None = None
    notes: tuple[str, ...] = ()

    @property
    def single_part(self) -> bool:
        return self.n_parts <= 1

    def utilities(self, mixture: Mixture) -> Floats:
        """float64[G, K]."""
        U = mixture.parameters
        return np.asarray((U if self.basis is None else self.basis @ U).T)

    def worth(self, mixture: Mixture, kind: Kind = "winprob") -> Floats:
        """Welfare float64[G, K] among the items of the same connected part; NaN where unseen."""
        U = self.utilities(mixture)
        W = np.full(U.shape, np.nan)
        for p in range(self.n_parts):
            members = self.part == p
            W[:, members] = welfare(U[:, members], kind)
        return W

    def refit(self, omega: Floats, rng: np.random.Generator | None = None) -> Mixture:
        """The same groups when annotator a counts omega[a] times; with `rng`, from two random
        beginnings too.
        """
        if self.declared is not None:
            return fixed_groups(self.votes, self.declared, self.how, omega)
        best = refined(self.votes, self.how, self.mixture, omega)
        if rng is not None and self.mixture.n_groups > 1:
            order = dealt(self.votes, self.mixture)
            for _ in range(2):
                gamma = random_start(order, self.mixture.n_groups, self.how, rng)
                other = begin(self.votes, self.how, gamma, omega)
                if other.penalised > best.penalised:
                    best = refined(self.votes, self.how, other, omega)
        return relabelled(best, matched(self.mixture.gamma, best.gamma))


def comparisons_of(evidence: Comparisons | Ratings, options: GroupOptions) -> Comparisons:
    table = pairs_weighted_by_gap(evidence) if isinstance(evidence, Ratings) else evidence
    return selected(table, options.cannot_tell)


def latent_groups(table: Comparisons, options: GroupOptions, rng: np.random.Generator) -> Grouping:
    """Groups found by the mixture. The table must hold a comparison of positive weight."""
    votes, basis = _votes(table, options)
    how = options.climb()
    choice = choose_groups(votes, how, rng, options.most, options.groups)
    names = tuple(f"group {g + 1}" for g in range(choice.n_groups))
    return _grouping(table, votes, how, choice.mixture, choice, names, basis)


def declared_groups(
    table: Comparisons, options: GroupOptions, of_person: dict[str, str]
) -> Grouping:
    """Groups given by name for annotators' ids; annotators without one belong to none."""
    votes, basis = _votes(table, options)
    said = [
        of_person.get(str(table.annotator_ids[c])) if c < len(table.annotator_ids) else None
        for c in votes.people.tolist()
    ]
    names, members, notes = _large_enough(said)
    how = options.climb()
    mixture = fixed_groups(votes, members, how)
    found = _grouping(table, votes, how, mixture, None, names, basis)
    return Grouping(**{**vars(found), "declared": members, "notes": notes})


def contexts_of_people(table: Comparisons) -> dict[str, str]:
    """The context of each annotator whose judgments all lie in one."""
    if table.group is None or table.annotator is None:
        return {}
    pairs = np.unique(np.column_stack([table.annotator, table.group]), axis=0)
    who, times = np.unique(pairs[:, 0], return_counts=True)
    single = set(who[times == 1].tolist())
    return {
        str(table.annotator_ids[a]): str(table.group_ids[g])
        for a, g in pairs.tolist()
        if a in single and a >= 0 and g >= 0
    }


def parsed_groups(text: str) -> dict[str, str]:
    """{"annotator": "group"} from JSON. Raises TableError with what is wrong."""
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        raise TableError(
            'Declared groups must be JSON such as {"ann": "north", "ben": "south"}.'
        ) from error
    if not isinstance(given, dict):
        raise TableError("Declared groups must map each annotator's id to a group's name.")
    return {str(who): str(name) for who, name in given.items()}


def replicates(
    found: Grouping, options: GroupOptions, K: int, score: Callable[[Grouping, Mixture], Floats]
) -> Floats:
    """Scores float64[B, K] under reweighted annotators, groups refitted and matched by label."""
    if found.votes.n_people < 2:
        return np.zeros((0, K))
    _, count = found.table.clusters
    rows: list[Floats] = []
    for block in cluster_weight_rows(options.seed, options.replicates, count):
        for weights in block:
            again = np.random.default_rng([options.seed, len(rows)])
            rows.append(score(found, found.refit(weights[found.votes.people], again)))
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
        table.annotator_ids, ability, n, ability_kind="chance that the votes aren't random"
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


def _grouping(
    table: Comparisons,
    votes: GroupVotes,
    how: Climb,
    mixture: Mixture,
    choice: GroupChoice | None,
    names: tuple[str, ...],
    basis: Floats | None,
) -> Grouping:
    n_parts, part = table.pair_counts().components
    told: list[ResultWarning] = []
    unseen = np.flatnonzero(part < 0)
    if len(unseen):
        who: list[Hashable] = [table.ids[i] for i in unseen]
        told.append(warn(WarningCode.UNSEEN_ITEMS, f"{len(unseen)} items", who))
    if n_parts > 1:
        told.append(warn(WarningCode.DISCONNECTED, f"{n_parts} parts"))
    if choice is not None and choice.n_groups > 1:
        told.append(warn(WarningCode.LOCAL_OPTIMUM_RISK, f"{how.restarts} starts"))
    return Grouping(
        table,
        votes,
        how,
        mixture,
        choice,
        names,
        basis,
        part.astype(np.int64),
        n_parts,
        tuple(told),
    )


def _votes(table: Comparisons, options: GroupOptions) -> tuple[GroupVotes, Floats | None]:
    if options.form == "items":
        return votes_on_items(table), None
    return votes_on_features(table), _features_of_items(table)


def _features_of_items(table: Comparisons) -> Floats:
    """Item features [K, F], mean 0, whose differences come nearest to the rows' covariates."""
    assert table.x is not None
    K = len(table.ids)
    incidence = np.zeros((K, table.x.shape[1]))
    np.add.at(incidence, table.a, table.x)
    np.subtract.at(incidence, table.b, table.x)
    off = np.zeros((K, K))
    np.add.at(off, (table.a, table.b), 1.0)
    off = off + off.T
    return np.asarray(np.linalg.pinv(np.diag(off.sum(axis=1)) - off) @ incidence)


def _large_enough(
    said: list[str | None], least: int = 5
) -> tuple[tuple[str, ...], Floats, tuple[str, ...]]:
    """Names and membership [A, G + 1]; groups under five people are merged into "unassigned".

    "unassigned" counts as a group only with five people; without any group all are "everyone".
    """
    size: dict[str, int] = {}
    for name in said:
        if name is not None:
            size[name] = size.get(name, 0) + 1
    names = sorted(name for name, count in size.items() if count >= least)
    small = sorted(set(size) - set(names))
    notes: list[str] = []
    if small:
        notes.append(
            f"{len(small)} declared groups have fewer than {least} people and are merged into "
            "“unassigned”"
        )
    left = sum(size[name] for name in small)
    if left >= least and names:
        names.append("unassigned")
    missing = sum(name is None for name in said)
    if missing:
        notes.append(f"{missing} annotators belong to no declared group")
    if not names:
        everyone = np.column_stack([np.ones(len(said)), np.zeros(len(said))])
        return ("everyone",), everyone, (*notes, "no group is large enough, so all are one")
    members = np.zeros((len(said), len(names) + 1))
    for a, name in enumerate(said):
        place = "unassigned" if name in small else name
        if place in names:
            members[a, names.index(place)] = 1.0
    return tuple(names), members, tuple(notes)


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
