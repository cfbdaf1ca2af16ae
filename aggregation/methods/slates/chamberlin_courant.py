"""Chamberlin–Courant: every voter is represented by her favourite item of the slate.

Maximises sum over voters of w_v max over c in S of u_vc. With `utility="approval"` u is 1 for
approved items, so the slate covers as many voters as it can; with "borda" u is the number of items
that the ballot puts below c (ties count half, items not shown nothing), which uses whole rankings.

NP-hard: few slates are all scored, more go to an integer program with a time limit and a stated gap
(NP_HARD_TRUNCATED); `exact=no` takes items greedily, at least 1 - 1/e of the best. It covers small
groups well and large ones no better than small ones: where seats should follow numbers, use
proportional approval voting or Equal Shares. With approvals the best slate has justified
representation; the greedy one has, too.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate, Method
from aggregation.methods.slates._slate import (
    Choice,
    Contest,
    SlateOptions,
    elect,
    optimal,
    unfilled,
)
from aggregation.options import option
from aggregation.slates.rankings import borda_utilities
from aggregation.slates.thiele import best_representation, greedy_representation
from aggregation.tables import Ballots

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ChamberlinCourantOptions(SlateOptions):
    utility: Literal["approval", "borda"] = option(
        "approval", "Utility", "Approved or not, or the number of items ranked below."
    )
    exact: bool = option(True, "Exact", "The best slate, or a greedy one for very many items.")
    time_limit: float = option(
        20.0, "Seconds", "Then the best slate so far is taken, with its gap.", low=0.1
    )


def solve(
    ballots: Ballots, options: ChamberlinCourantOptions, rng: np.random.Generator
) -> Estimate:
    def rule(contest: Contest) -> Choice:
        utility, weight = utilities(contest, options.utility)
        if options.exact:
            found = best_representation(utility, weight, contest.seats, options.time_limit)
            return optimal(found, contest, options.seats)
        slates = greedy_representation(utility, weight, contest.seats, contest.priority)
        reached = min(
            float(weight @ utility[:, slate].max(axis=1, initial=0.0))
            for slate in slates.committees
        )
        told = unfilled(contest, options.seats, slates)
        return Choice(slates, parameters={"value": reached}, warnings=told)

    return elect(ballots, options, rule)


def utilities(contest: Contest, kind: str) -> tuple[Floats, Floats]:
    """Utility of each distinct voter for each item of the contest, and the voters' weights."""
    if kind == "approval":
        return contest.votes.approved.astype(np.float64), contest.votes.weight
    return borda_utilities(contest.ballots, contest.members)


METHOD = Method(
    title="Chamberlin–Courant",
    family="slates",
    consumes=(Ballots,),
    solve=solve,
    options=ChamberlinCourantOptions,
    reference="Chamberlin & Courant (1983), American Political Science Review 77; "
    "Lu & Boutilier (2011), IJCAI",
    axioms=("anonymity", "neutrality", "JR (with approvals)"),
)
