"""Greedy justified representation: whoever is entitled to a seat gets one, largest claims first.

`variant="candidates"`: for l = k, k-1 … 1, as long as an item without a seat is approved by voters
of weight l n/k who have fewer than l seats each, it gets a seat (of several, the one with the most
such voters). Polynomial; slates have EJR+ and therefore EJR, PJR and JR, certified on each result.

`variant="groups"`: the largest l such that unserved voters of weight l n/k approve l common items;
these get seats and the voters count as served. It looks at all sets of common items, so it takes at
most 20; slates have EJR.

Neither has to fill all seats: nobody is entitled to the rest. They are filled by Phragmén, starting
afresh for voters without regard to what they have, or left empty (SEATS_UNFILLED).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.slates._slate import Choice, Contest, SlateOptions, elect, unfilled
from aggregation.options import option
from aggregation.slates.cohesive import MOST_ITEMS, cohesive_groups, justified_candidates
from aggregation.slates.completion import filled_by_phragmen
from aggregation.slates.phragmen import Loaded
from aggregation.slates.ties import Slates
from aggregation.tables import Ballots, TableError
from annotation.phrases import say


@dataclass(frozen=True, kw_only=True)
class GreedyEjrOptions(SlateOptions):
    variant: Literal["candidates", "groups"] = option(
        "candidates", "Claims", "Looked at item by item, or by groups with common items."
    )
    completion: Literal["phragmen", "none"] = option(
        "phragmen", "Empty seats", "Filled by Phragmén, or left empty."
    )


def solve(ballots: Ballots, options: GreedyEjrOptions, rng: np.random.Generator) -> Estimate:
    def rule(contest: Contest) -> Choice:
        votes, seats = contest.votes, contest.seats
        if options.variant == "groups" and votes.n_items > MOST_ITEMS:
            raise TableError(
                say(
                    "Looking at all groups takes at most %(most_items)s items, not "
                    "%(n_items)s. Use variant=candidates.",
                    most_items=MOST_ITEMS,
                    n_items=votes.n_items,
                )
            )
        claims = justified_candidates if options.variant == "candidates" else cohesive_groups
        ends, complete = claims(votes, seats, contest.priority)
        slates = set(ends)
        if options.completion == "phragmen":
            nothing = np.zeros(len(votes.weight))
            starts = [Loaded(end, nothing) for end in ends]
            filled, all_ = filled_by_phragmen(votes, seats, starts, contest.priority)
            slates, complete = set(filled), complete and all_
        found = Slates.of(slates, complete)
        return Choice(
            found,
            parameters={"entitled": min(len(end) for end in ends)},
            warnings=unfilled(contest, options.seats, found),
        )

    return elect(ballots, options, rule)


METHOD = Method(
    title="Greedy justified representation",
    family="slates",
    consumes=(Ballots,),
    solve=solve,
    options=GreedyEjrOptions,
    reference="Brill & Peters (2023), EC, “Robust and verifiable proportionality axioms for "
    "multiwinner voting”; Bredereck, Faliszewski, Kaczmarczyk & Niedermeier (2019), AAMAS",
    axioms=("anonymity", "neutrality", "EJR+", "EJR", "PJR", "JR"),
)
