"""Sequential proportional approval voting: seat by seat the item that adds most.

The next item maximises sum over voters who approve it of w_v / (1 + |A_v ∩ S|), S being those who
already have a seat (Thiele's addition rule, once used in Sweden). Fast for any size, and within
1 - 1/e of the best value of proportional approval voting; but it gives none of its guarantees:
justified representation can fail from six seats on, so the certificate of the result is checked,
not promised.

All slates that some order of breaking ties gives are listed; where they are too many, one is drawn
in the public order (TIE_UNRESOLVED).
"""

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.slates._slate import Choice, Contest, SlateOptions, elect, unfilled
from aggregation.slates.thiele import harmonic, sequential_thiele, thiele_value
from aggregation.tables import Ballots


def solve(ballots: Ballots, options: SlateOptions, rng: np.random.Generator) -> Estimate:
    def rule(contest: Contest) -> Choice:
        weights = harmonic(contest.seats)
        found = sequential_thiele(contest.votes, contest.seats, weights, contest.priority)
        values = [thiele_value(contest.votes, slate, weights) for slate in found.committees]
        return Choice(
            found,
            parameters={"value": min(values)},
            warnings=unfilled(contest, options.seats, found),
        )

    return elect(ballots, options, rule)


METHOD = Method(
    title="Sequential proportional approval voting",
    family="slates",
    consumes=(Ballots,),
    solve=solve,
    options=SlateOptions,
    reference="Thiele (1895); Janson (2016), arXiv:1611.08826",
    axioms=("anonymity", "neutrality", "committee monotonicity"),
)
