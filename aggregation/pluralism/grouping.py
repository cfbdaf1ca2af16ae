"""The groups of a table: found in the votes, or declared; refitted when people are reweighted.

Groups are latent (see `choosing`), given by name for annotators, or read from the table's contexts:
each annotator wholly in one, or each vote in the group that its annotator had declared when it was
cast. In the last case an annotator who changed the declaration stands in `votes` once per value,
with the same cluster code, so that earlier votes stay where they were and the person is still one
when people are resampled. Declared groups of fewer than five people are merged: one person must not
speak for a group.
"""

import json
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aggregation.pluralism.choosing import MIN_MEMBERS, GroupChoice, choose_groups
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
    shrunken_groups,
)
from aggregation.pluralism.votes import GroupVotes, votes_on_features, votes_on_items
from aggregation.pluralism.welfare import Kind, welfare
from aggregation.tables import Comparisons, TableError
from aggregation.uncertainty import cluster_weight_rows
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from aggregation.watching import step
from annotation.phrases import say

Floats = NDArray[np.float64]
Form = Literal["items", "features"]
SHRINK = 1.0  # of a group's own wishes towards the common ones, where items have few votes each


@dataclass(frozen=True)
class Plan:
    """How groups are to be found: how to climb, a fixed number (0: choose up to `most`), and the
    form of utilities.
    """

    how: Climb
    groups: int = 0
    most: int = 5
    form: Form = "items"


@dataclass(frozen=True, eq=False)
class Grouping:
    """The groups of a table and their utilities of its items.

    basis      float64[K, d]: utilities of items = basis @ parameters (None: they are the same)
    part       int64[K], connected part of each item, -1 for items nobody compared
    declared   membership [A, G + 1] where groups were declared, else None
    spoken     int64[N], place in `votes` of who cast each row of the table, where an annotator may
               stand in `votes` more than once
    base       groups of the same people in a coarser table, whose memberships hold here too
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
    spoken: NDArray[np.int64] | None = None
    base: "Grouping | None" = None

    @property
    def voice(self) -> NDArray[np.int64]:
        """Place in `votes` of who cast each row of the table, -1 for rows without weight."""
        if self.spoken is not None:
            return self.spoken
        codes, count = self.table.clusters
        place = np.full(max(count, 1), -1, dtype=np.int64)
        place[self.votes.people] = np.arange(self.votes.n_people)
        return np.asarray(place[codes])

    @property
    def n_people(self) -> int:
        """Different people behind the votes."""
        return len(np.unique(self.votes.people))

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
        if self.base is not None:
            return self._refit_from(self.base, omega, rng)
        best = refined(self.votes, self.how, self.mixture, omega)
        if rng is not None and self.mixture.n_groups > 1:
            order = dealt(self.votes, self.mixture)
            for _ in range(2):
                gamma = random_start(order, self.mixture.n_groups, self.how, rng)
                other = begin(self.votes, self.how, gamma, omega)
                if other.penalised > best.penalised:
                    best = refined(self.votes, self.how, other, omega)
        return relabelled(best, matched(self.mixture.gamma, best.gamma))

    def _refit_from(
        self, base: "Grouping", omega: Floats, rng: np.random.Generator | None
    ) -> Mixture:
        _, count = self.table.clusters
        weights = np.ones(max(count, int(base.votes.people.max(initial=0)) + 1))
        weights[self.votes.people] = omega
        again = base.refit(weights[base.votes.people], rng)
        members = _memberships(base, again, self.votes.people)
        return shrunken_groups(self.votes, members, self.how, SHRINK, omega)


def groups_of_coarser(
    table: Comparisons, coarse: Comparisons, plan: Plan, rng: np.random.Generator
) -> Grouping:
    """Utilities of many items for groups that the same people form on few: for responses with few
    votes each, groups found on the systems that wrote them.

    Both tables must name the same annotators in the same order; raises TableError otherwise. Where
    a group has few votes on an item its utility is drawn towards the common one.
    """
    if table.annotator_ids != coarse.annotator_ids:
        raise TableError(say("Two tables must be of the same people to share their groups."))
    base = latent_groups(coarse, plan, rng)
    votes, basis = _votes(table, plan.form)
    members = _memberships(base, base.mixture, votes.people)
    mixture = shrunken_groups(votes, members, plan.how, SHRINK)
    found = _grouping(table, votes, plan.how, mixture, base.choice, base.names, basis)
    return replace(found, base=base)


def _memberships(base: Grouping, mixture: Mixture, people: NDArray[np.int64]) -> Floats:
    """Rows of `mixture.gamma` for these cluster codes; priors for people not among its own."""
    place = np.full(max(int(people.max(initial=0)), int(base.votes.people.max(initial=0))) + 1, -1)
    place[base.votes.people] = np.arange(base.votes.n_people)
    rows = place[people]
    return np.where((rows >= 0)[:, None], mixture.gamma[rows], mixture.pi[None, :])


def latent_groups(table: Comparisons, plan: Plan, rng: np.random.Generator) -> Grouping:
    """Groups found by the mixture. The table must hold a comparison of positive weight."""
    votes, basis = _votes(table, plan.form)
    choice = choose_groups(votes, plan.how, rng, plan.most, plan.groups)
    names = tuple(say("group %(g)s", g=g + 1) for g in range(choice.n_groups))
    return _grouping(table, votes, plan.how, choice.mixture, choice, names, basis)


def declared_groups(table: Comparisons, plan: Plan, of_person: dict[str, str]) -> Grouping:
    """Groups given by name for annotators' ids; annotators without one belong to none."""
    votes, basis = _votes(table, plan.form)
    said = [
        of_person.get(str(table.annotator_ids[c])) if c < len(table.annotator_ids) else None
        for c in votes.people.tolist()
    ]
    return _declared(table, votes, basis, plan, said)


def groups_of_votes(table: Comparisons, plan: Plan) -> Grouping:
    """Every vote in the group that its context names; -1 belongs to none.

    Raises TableError where the table has no contexts.
    """
    if table.group is None:
        raise TableError(
            say(
                "These judgments don't say which group each was cast in: name a survey "
                "attribute of the project, or the file's column with --map group=COLUMN."
            )
        )
    codes, _ = table.clusters
    value = table.group.astype(np.int64) + 1
    voices = codes.astype(np.int64) * (len(table.group_ids) + 1) + value
    cast_as, voice = np.unique(voices, return_inverse=True)
    spoken = replace(table, annotator=voice.astype(np.int32), annotator_ids=tuple(cast_as.tolist()))
    votes, basis = _votes(spoken, plan.form)
    owner, declared = np.divmod(cast_as[votes.people], len(table.group_ids) + 1)
    said = [str(table.group_ids[g - 1]) if g else None for g in declared.tolist()]
    place = np.full(len(cast_as), -1, dtype=np.int64)
    place[votes.people] = np.arange(votes.n_people)
    votes = replace(votes, people=owner.astype(np.int64))
    return replace(_declared(table, votes, basis, plan, said), spoken=place[voice])


def _declared(
    table: Comparisons,
    votes: GroupVotes,
    basis: Floats | None,
    plan: Plan,
    said: Sequence[str | None],
) -> Grouping:
    names, members, notes = _large_enough(said)
    mixture = fixed_groups(votes, members, plan.how)
    found = _grouping(table, votes, plan.how, mixture, None, names, basis)
    return replace(found, declared=members, notes=notes)


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
            say('Declared groups must be JSON such as {"ann": "north", "ben": "south"}.')
        ) from error
    if not isinstance(given, dict):
        raise TableError(say("Declared groups must map each annotator's id to a group's name."))
    return {str(who): str(name) for who, name in given.items()}


def replicates(
    found: Grouping,
    seed: int,
    number: int,
    score: Callable[[Grouping, Mixture], Floats],
) -> list[Floats]:
    """`score` under reweighted annotators, groups refitted and matched by label; empty for fewer
    than two annotators.
    """
    if found.n_people < 2:
        return []
    _, count = found.table.clusters
    rows: list[Floats] = []
    for block in cluster_weight_rows(seed, number, count):
        for weights in block:
            step(len(rows), number)
            again = np.random.default_rng([seed, len(rows)])
            rows.append(score(found, found.refit(weights[found.votes.people], again)))
    return rows


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
        told.append(warn(WarningCode.UNSEEN_ITEMS, say("%(n)s items", n=len(unseen)), who))
    if n_parts > 1:
        told.append(warn(WarningCode.DISCONNECTED, say("%(n)s parts", n=n_parts)))
    if choice is not None and choice.n_groups > 1:
        told.append(warn(WarningCode.LOCAL_OPTIMUM_RISK, say("%(n)s starts", n=how.restarts)))
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


def _votes(table: Comparisons, form: Form) -> tuple[GroupVotes, Floats | None]:
    if form == "items":
        return votes_on_items(table), None
    return votes_on_features(table), _features_of_items(table)


def _features_of_items(table: Comparisons) -> Floats:
    """Item features [K, F], mean 0, whose differences come nearest to the rows' covariates, by
    weight.
    """
    assert table.x is not None
    K = len(table.ids)
    incidence = np.zeros((K, table.x.shape[1]))
    weighted = table.x * table.weights[:, None]
    np.add.at(incidence, table.a, weighted)
    np.subtract.at(incidence, table.b, weighted)
    off = np.zeros((K, K))
    np.add.at(off, (table.a, table.b), table.weights)
    off = off + off.T
    return np.asarray(np.linalg.pinv(np.diag(off.sum(axis=1)) - off) @ incidence)


UNASSIGNED = say("unassigned")


def _large_enough(
    said: Sequence[str | None], least: int = MIN_MEMBERS
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
            say(
                "%(small)s declared groups have fewer than %(least)s people and are "
                "merged into “unassigned”",
                small=len(small),
                least=least,
            )
        )
    left = sum(size[name] for name in small)
    if left >= least and names:
        names.append(UNASSIGNED)
    missing = sum(name is None for name in said)
    if missing:
        notes.append(say("%(missing)s annotators belong to no declared group", missing=missing))
    if not names:
        everyone = np.column_stack([np.ones(len(said)), np.zeros(len(said))])
        return (
            (say("everyone"),),
            everyone,
            (*notes, say("no group is large enough, so all are one")),
        )
    members = np.zeros((len(said), len(names) + 1))
    for a, name in enumerate(said):
        place = UNASSIGNED if name in small else name
        if place in names:
            members[a, names.index(place)] = 1.0
    return tuple(names), members, tuple(notes)
