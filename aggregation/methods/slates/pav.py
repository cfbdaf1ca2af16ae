"""Proportional approval voting: the slate that gives voters most, each further seat less.

Maximises sum over voters of w_v H(|A_v ∩ S|) with H(r) = 1 + 1/2 + … + 1/r over slates S of k
items, A_v being the items voter v approves. The harmonic numbers are what makes it proportional:
its slates have extended justified representation (EJR and EJR+).

NP-hard. Where there are few slates all are scored and every tie is found; beyond that an integer
program (HiGHS) runs under a time limit, lists up to 32 tied slates, and states the gap that remains
(NP_HARD_TRUNCATED). Rankings of more than two tiers are read as approvals of their first tiers,
which is recorded. Not for voters who should be equally well off rather than proportionally
represented; one large group can take most seats.
"""

from dataclasses import dataclass

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.slates._slate import Choice, Contest, SlateOptions, elect, optimal
from aggregation.options import option
from aggregation.slates.thiele import best_thiele, harmonic
from aggregation.tables import Ballots


@dataclass(frozen=True, kw_only=True)
class PavOptions(SlateOptions):
    time_limit: float = option(
        20.0, "Seconds", "Then the best slate so far is taken, with its gap.", low=0.1
    )


def solve(ballots: Ballots, options: PavOptions, rng: np.random.Generator) -> Estimate:
    def rule(contest: Contest) -> Choice:
        weights = harmonic(contest.seats)
        found = best_thiele(contest.votes, contest.seats, weights, options.time_limit)
        return optimal(found, contest, options.seats)

    return elect(ballots, options, rule)


METHOD = Method(
    title="Proportional approval voting",
    family="slates",
    consumes=(Ballots,),
    solve=solve,
    options=PavOptions,
    reference="Thiele (1895); Aziz, Brill, Conitzer, Elkind, Freeman & Walsh (2017), "
    "Social Choice and Welfare 48; Brill & Peters (2023), EC",
    axioms=("anonymity", "neutrality", "EJR+", "EJR", "PJR", "JR", "Pareto efficiency"),
)
