"""Sequential Phragmén: every seat is a load shared by its supporters, and none should bear much.

Electing c would leave each of her supporters with the load s_c = (1 + sum w_v x_v) / sum w_v over
them, x_v being what they bear already; the item of the least s_c is next. Equivalently voters earn
money at equal speed and buy an item as soon as its supporters hold one unit together. The largest
load that results is in the fit as `load`.

Slates are priceable and have proportional justified representation (PJR) but not EJR. More seats
never cost an item its seat. All slates that ties allow are listed.
"""

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.slates._slate import Choice, Contest, SlateOptions, elect, unfilled
from aggregation.slates.phragmen import phragmen
from aggregation.slates.ties import Slates
from aggregation.tables import Ballots


def solve(ballots: Ballots, options: SlateOptions, rng: np.random.Generator) -> Estimate:
    def rule(contest: Contest) -> Choice:
        ends, complete = phragmen(contest.votes, contest.seats, contest.priority)
        found = Slates.of([end.chosen for end in ends], complete)
        return Choice(
            found,
            parameters={"load": max(float(end.load.max(initial=0.0)) for end in ends)},
            warnings=unfilled(contest, options.seats, found),
        )

    return elect(ballots, options, rule)


METHOD = Method(
    title="Sequential Phragmén",
    family="slates",
    consumes=(Ballots,),
    solve=solve,
    options=SlateOptions,
    reference="Phragmén (1894); Brill, Freeman, Janson & Lackner (2017), AAAI",
    axioms=("anonymity", "neutrality", "PJR", "JR", "priceability", "committee monotonicity"),
)
