"""Veto (anti-plurality): the item that fewest people put last.

score_i = minus the weight of the ballots on which i stands in the last place; t items tied there
share the ballot, 1/t each, and unlisted items that were shown stand there too. It looks at nothing
but the last place, so an item that nobody loves can win and many items usually tie. Use it to rule
out what some people can't bear, not to find what is best.
"""

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice._last_places import last_places
from aggregation.methods.social_choice._tally import Tally, tally_ballots
from aggregation.options import Options
from aggregation.tables import Ballots


def solve(ballots: Ballots, options: Options, rng: np.random.Generator) -> Estimate:
    return tally_ballots(ballots, lambda ranks, weight: Tally(-(weight @ last_places(ranks))))


METHOD = Method(
    title="Veto (anti-plurality)",
    family="social_choice",
    consumes=(Ballots,),
    solve=solve,
    reference="Baharad & Nitzan (2005), Social Choice and Welfare 25",
    axioms=("anonymity", "neutrality", "monotonicity", "participation", "consistency"),
)
