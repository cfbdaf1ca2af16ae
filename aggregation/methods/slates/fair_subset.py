"""Fair subset: the best items, with a least number of seats for each group of items.

Maximises F(S) over slates of k items with at least l_g items of group g. `score` is what F adds
up: "borda" (items ranked below), "plurality" (first places), "approval" (approvals), "satisfaction"
(1/a of a vote to each of a approved items), where taking the best item that keeps the promises
possible is exact; or "representation" (each voter's favourite of the slate) and "pav" (harmonic),
where the same greedy choice reaches at least half of the best.

`groups` says which group an item is in ("a: north, b: south"); items it doesn't name form a group
without a promise. `least` gives the promises ("south: 1"); left empty, each group is promised its
share of the items, floor(k |G| / m). The fit holds the utility with and without the promises: what
they cost by these judgments, which may themselves be biased against a group. For functions like
"representation" it can take exponentially many rankings before the constraint pays off, hence the
smooth default.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.slates._slate import Choice, Contest, SlateOptions, elect, unfilled
from aggregation.options import OptionError, option
from aggregation.slates.approvals import Approvals, Floats
from aggregation.slates.item_values import along, item_numbers, item_values
from aggregation.slates.rankings import borda_utilities, plurality_utilities
from aggregation.slates.subsets import Gain, additive, fair_greedy, proportional_bounds
from aggregation.slates.thiele import harmonic, thiele_value
from aggregation.tables import Ballots
from annotation.phrases import say

Value = Callable[[tuple[int, ...]], float]
REST = ""  # the group of items that no text names


@dataclass(frozen=True, kw_only=True)
class FairSubsetOptions(SlateOptions):
    score: Literal["borda", "plurality", "approval", "satisfaction", "representation", "pav"] = (
        option("borda", "What is added up", "The first four are exact, the others within one half.")
    )
    groups: str = option("", "Groups of items", "ITEM: GROUP, … (or a JSON object).")
    least: str = option(
        "", "Least seats", "GROUP: SEATS, …; empty for the group's share of the items."
    )


def solve(ballots: Ballots, options: FairSubsetOptions, rng: np.random.Generator) -> Estimate:
    def rule(contest: Contest) -> Choice:
        groups = along(item_values(options.groups, "groups"), contest.ids, REST, "groups")
        least = _promises(options, groups, contest.seats)
        gain, value = _utility(contest, options.score)
        try:
            found = fair_greedy(gain, groups, least, contest.seats, contest.priority)
        except ValueError as error:
            raise OptionError(str(error)) from error
        free = fair_greedy(gain, groups, {}, contest.seats, contest.priority)
        return Choice(
            found,
            parameters={
                "value": value(found.committees[0]),
                "value_without_promises": value(free.committees[0]),
                "least": {str(group): count for group, count in least.items() if count},
            },
            axioms={},
            warnings=unfilled(contest, options.seats, found),
        )

    return elect(ballots, options, rule)


def _promises(
    options: FairSubsetOptions, groups: list[Hashable], seats: int
) -> dict[Hashable, int]:
    if not options.least.strip():
        share = proportional_bounds(groups, seats)
        return {group: count for group, count in share.items() if group != REST}
    given = item_numbers(options.least, "least")
    for group, count in given.items():
        if count != int(count):
            raise OptionError(
                say(
                    "Option 'least' promises %(group)s %(count)s seats, not a number.",
                    group=f"{group!r}",
                    count=f"{count:g}",
                )
            )
        if group not in groups:
            raise OptionError(
                say(
                    "Option 'least' speaks of %(group)s, which is no group here.",
                    group=f"{group!r}",
                )
            )
    return {group: int(count) for group, count in given.items()}


def _utility(contest: Contest, kind: str) -> tuple[Gain, Value]:
    """(gain of each item given a slate, value of a slate)."""
    votes = contest.votes
    if kind == "pav":
        weights = harmonic(contest.seats)
        return _pav_gain(votes, weights), lambda slate: thiele_value(votes, slate, weights)
    if kind in ("approval", "satisfaction"):
        size = np.maximum(votes.approved.sum(axis=1), 1) if kind == "satisfaction" else 1.0
        score = np.asarray((votes.weight / size) @ votes.approved)
    else:
        read = plurality_utilities if kind == "plurality" else borda_utilities
        utility, weight = read(contest.ballots, contest.members)
        if kind == "representation":
            return _cover_gain(utility, weight), lambda slate: float(
                weight @ utility[:, list(slate)].max(axis=1, initial=0.0)
            )
        score = np.asarray(weight @ utility)
    return additive(score), lambda slate: float(score[list(slate)].sum())


def _pav_gain(votes: Approvals, weights: Floats) -> Gain:
    step = np.concatenate([weights, [0.0]])

    def gain(slate: tuple[int, ...]) -> Floats:
        held = votes.approved[:, list(slate)].sum(axis=1)
        return np.asarray((votes.weight * step[np.minimum(held, len(weights))]) @ votes.approved)

    return gain


def _cover_gain(utility: Floats, weight: Floats) -> Gain:
    def gain(slate: tuple[int, ...]) -> Floats:
        have = utility[:, list(slate)].max(axis=1, initial=0.0)
        return np.asarray(weight @ np.maximum(utility - have[:, None], 0.0))

    return gain


METHOD = Method(
    title="Fair subset",
    family="slates",
    consumes=(Ballots,),
    solve=solve,
    options=FairSubsetOptions,
    reference="Boehmer, Celis, Huang, Mehrotra & Vishnoi (2023), ICML, “Subset selection based on "
    "multiple rankings in the presence of bias”; Fisher, Nemhauser & Wolsey (1978); "
    "Brams & Kilgour (2014), “Satisfaction approval voting”",
    axioms=("anonymity", "neutrality within groups", "promises to groups kept"),
)
