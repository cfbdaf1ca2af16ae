"""What every section of a report reads: groups, their models, and the same under resampled people.

People are resampled by reweighting them (the Bayesian bootstrap, one exponential weight each), at a
fixed number of groups, from the fitted groups and two random beginnings; groups are matched by
label. Intervals over votes would be far too narrow, as one person's votes hang together.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from aggregation.options import Options, option
from aggregation.pluralism.grouping import (
    Grouping,
    Plan,
    groups_of_coarser,
    groups_of_votes,
    latent_groups,
)
from aggregation.pluralism.latent import Climb, Mixture, pooled, refined
from aggregation.pluralism.votes import ItemDesign
from aggregation.report.figures import Figure, estimate
from aggregation.report.material import Material, Names
from aggregation.tables import Comparisons, TableError
from aggregation.uncertainty import cluster_weight_rows
from annotation.phrases import say

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Watch = Callable[[int, int], None]

SMALLEST_CELL = 5  # people; anything about fewer is hidden
FEWEST_PEOPLE = 12  # for intervals


@dataclass(frozen=True, kw_only=True)
class ReportOptions(Options):
    attribute: str | None = option(
        None,
        "Groups by survey attribute",
        "Its values are the groups, as declared when people judged. Empty: groups are sought in "
        "the votes.",
    )
    replicates: int = option(
        200, "Resamples of people", "For intervals; 0 for none.", low=0, high=2_000
    )
    most: int = option(5, "Most groups", "To try when groups are sought.", low=1, high=8)
    ridge: float = option(0.3, "Ridge", "On utilities; larger is more cautious.", low=1e-3)
    restarts: int = option(8, "Restarts", "Random beginnings; the best is kept.", low=1, high=50)

    def plan(self) -> Plan:
        return Plan(Climb(ridge=self.ridge, restarts=self.restarts), most=self.most)


@dataclass(frozen=True, eq=False)
class Resamples:
    """What B resamples of the people gave.

    omega      float64[B, V], how often each voice counts
    shares     float64[B, G];  utilities float64[B, G, K];  one float64[B, K] of a single group
    side       int8[B, V], likeliest component of each voice (G: random votes)
    """

    omega: Floats
    shares: Floats
    utilities: Floats
    one: Floats
    side: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.omega)


@dataclass(frozen=True, eq=False)
class Cells:
    """Who judged which pair of items: a row per voice and pair, `low` < `high`.

    pair   int64[R] place in `low`, `high` and `votes`;  voice int64[R]
    first  float64[R] share of the voice's votes on the pair for `low`;  weight float64[R]
    """

    pair: Longs
    voice: Longs
    first: Floats
    weight: Floats
    low: Longs
    high: Longs
    votes: Floats


@dataclass(frozen=True, eq=False)
class Study:
    """The material with its groups, ready to be described."""

    material: Material
    options: ReportOptions
    found: Grouping
    one: Mixture
    draws: Resamples | None
    why_no_interval: str

    @cached_property
    def names(self) -> Names:
        return Names(self.material)

    @property
    def table(self) -> Comparisons:
        return self.material.table

    @property
    def mixture(self) -> Mixture:
        return self.found.mixture

    @property
    def G(self) -> int:
        return self.mixture.n_groups

    @property
    def several(self) -> bool:
        return self.G > 1

    @property
    def is_declared(self) -> bool:
        return self.found.declared is not None

    @cached_property
    def utilities(self) -> Floats:
        """float64[G, K]."""
        return self.found.utilities(self.mixture)

    @property
    def shares(self) -> Floats:
        return self.mixture.shares

    @cached_property
    def side(self) -> Longs:
        """Likeliest component of each voice: a group, or G for random votes and for none.

        Where fewer than five people's votes look random, these count with their likeliest group:
        what is missing from the others' numbers would give them away.
        """
        gamma = self.mixture.gamma
        known = gamma.sum(axis=1) > 0
        best = np.where(known, gamma.argmax(axis=1), self.G)
        random = known & (best == self.G)
        if len(np.unique(self.found.votes.people[random])) < SMALLEST_CELL:
            best[random] = gamma[random, :-1].argmax(axis=1)
        return best

    @cached_property
    def sizes(self) -> Longs:
        """Different people whose likeliest group is g, int64[G]."""
        people = self.found.votes.people
        return np.array([len(np.unique(people[self.side == g])) for g in range(self.G)])

    @cached_property
    def parts(self) -> list[Longs]:
        """Items of each connected part with a choice in it."""
        part = self.found.part
        members = [np.flatnonzero(part == p) for p in range(self.found.n_parts)]
        return [each for each in members if len(each) > 1]

    @cached_property
    def cells(self) -> Cells:
        votes = self.found.votes
        design = votes.design
        assert isinstance(design, ItemDesign)
        a, b = design.a.astype(np.int64), design.b.astype(np.int64)
        K = max(design.d, 1)
        pairs, pair = np.unique(a * K + b, return_inverse=True)
        return Cells(
            pair,
            votes.annotator,
            votes.k / votes.n,
            votes.n,
            pairs // K,
            pairs % K,
            np.bincount(pair, votes.n, minlength=len(pairs)).astype(np.float64),
        )

    @cached_property
    def judged_by(self) -> Longs:
        """Voices of each group (and of random votes, last) that judged each pair, [G + 1, Q]."""
        cells = self.cells
        Q = len(cells.low)
        flat = self.side[cells.voice] * Q + cells.pair
        return np.bincount(flat, minlength=(self.G + 1) * Q).reshape(self.G + 1, Q)

    def prefers(self, pairs: Longs) -> Floats:
        """P_g(low over high) of these pairs, float64[G, len(pairs)]."""
        low, high = self.cells.low[pairs], self.cells.high[pairs]
        return np.asarray(expit(self.utilities[:, low] - self.utilities[:, high]))

    def prefers_drawn(self, pairs: Longs) -> Floats | None:
        """The same in each resample, float64[B, G, len(pairs)]."""
        if self.draws is None:
            return None
        low, high = self.cells.low[pairs], self.cells.high[pairs]
        u = self.draws.utilities
        return np.asarray(expit(u[:, :, low] - u[:, :, high]))

    @cached_property
    def heads(self) -> Floats:
        """How many people each group's numbers rest on: those who surely belong count as one, the
        others for less (Kish, (sum gamma)^2 / sum gamma^2), float64[G].
        """
        people = self.found.votes.people
        gamma = np.zeros((int(people.max(initial=0)) + 1, self.G))
        np.add.at(gamma, people, self.mixture.gamma[:, :-1])
        total, squares = gamma.sum(axis=0), (gamma**2).sum(axis=0)
        return np.asarray(total**2 / np.maximum(squares, 1e-12))

    def figure(
        self,
        value: float,
        draws: Floats | None,
        n: float,
        of: str,
        people: float | None = None,
    ) -> Figure:
        """A number with the interval of its `draws`; `people`: how many it rests on, if not all."""
        heads = float(self.found.n_people if people is None else people)
        return estimate(value, draws, n, of, self.why_no_interval, self.options.level, heads)


def study(material: Material, options: ReportOptions, watch: Watch | None = None) -> Study:
    """Find or take the groups, and resample the people.

    `watch` hears how many of how many resamples are done and may raise to stop. Raises TableError
    where there's nothing to compare.
    """
    table = material.table
    if not (table.weights > 0).any():
        raise TableError(
            say(
                "No two things were compared by one annotator, so there is nothing to "
                "report on yet."
            )
        )
    plan = options.plan()
    found = _groups(material, plan, options.seed)
    alone = replace(plan.how, noise=False)
    one = pooled(found.votes, alone)
    why = _too_few(found.n_people, options)
    draws = None if why else _resampled(found, one, alone, options, watch)
    return Study(material, options, found, one, draws, why)


def _groups(material: Material, plan: Plan, seed: int) -> Grouping:
    rng = np.random.default_rng(seed)
    if material.declared is None and material.coarse is not None:
        return groups_of_coarser(material.table, material.coarse, plan, rng)
    if material.declared is None:
        return latent_groups(material.table, plan, rng)
    spoken = replace(
        material.table, group=material.declared, group_ids=tuple(material.declared_names)
    )
    return groups_of_votes(spoken, plan)


def _too_few(people: int, options: ReportOptions) -> str:
    if people < FEWEST_PEOPLE:
        return say(
            "too few people for intervals: %(people)s, at least %(fewest_people)s are needed",
            people=people,
            fewest_people=FEWEST_PEOPLE,
        )
    if options.replicates < 2:
        return say("people were not resampled")
    return ""


def _resampled(
    found: Grouping, one: Mixture, alone: Climb, options: ReportOptions, watch: Watch | None
) -> Resamples:
    _, count = found.table.clusters
    rows: list[tuple[Any, ...]] = []
    for block in cluster_weight_rows(options.seed, options.replicates, count):
        for weights in block:
            if watch is not None:
                watch(len(rows), options.replicates)
            omega = weights[found.votes.people]
            mixture = found.refit(omega, np.random.default_rng([options.seed, len(rows)]))
            single = refined(found.votes, alone, one, omega)
            u = found.utilities(single)[0]
            side = np.where(
                mixture.gamma.sum(axis=1) > 0, mixture.gamma.argmax(axis=1), mixture.n_groups
            )
            rows.append((omega, mixture.shares, found.utilities(mixture), u, side.astype(np.int8)))
    if watch is not None:
        watch(len(rows), options.replicates)
    return Resamples(*(np.array(column) for column in zip(*rows, strict=True)))
