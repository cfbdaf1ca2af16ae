"""Method of Equal Shares: everyone gets the same budget and pays with others for what they like.

With k seats at the price of one, each voter holds k/n. An item is affordable at rate r where
sum over its supporters of w_v min(b_v, r) = 1; the item of the least r is elected and each
supporter pays min(b_v, r). When nothing is affordable any more, seats can be empty: `completion`
fills them by Phragmén, starting from what voters have left, or by raising the budgets by one
percent at a time until the seats are filled, or leaves them empty (SEATS_UNFILLED).

Slates have EJR+ (hence EJR, PJR and JR) whichever completion is chosen, and this is certified on
each result. Adding a twin of an item can change who wins. All slates that ties allow are listed.

The result tells what was bought, in order: `purchases` in the fit's parameters, each with its rate
rho, its cost and how many paid, and `held`, what everyone had at first (raised where `completion`
raised it). Where slates tie, these are the first's; what Phragmén filled in is not among them.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.slates._slate import Choice, Contest, SlateOptions, elect, unfilled
from aggregation.options import option
from aggregation.slates.completion import completed_shares
from aggregation.tables import Ballots


@dataclass(frozen=True, kw_only=True)
class EqualSharesOptions(SlateOptions):
    completion: Literal["phragmen", "raise", "none"] = option(
        "phragmen", "Empty seats", "By Phragmén, by raising all budgets, or not at all."
    )


def solve(ballots: Ballots, options: EqualSharesOptions, rng: np.random.Generator) -> Estimate:
    def rule(contest: Contest) -> Choice:
        found, bought = completed_shares(
            contest.votes, contest.seats, options.completion, contest.priority
        )
        return Choice(
            found.slates,
            parameters={"bought": bought},
            shares=found.shares,
            warnings=unfilled(contest, options.seats, found.slates),
        )

    return elect(ballots, options, rule)


METHOD = Method(
    title="Method of Equal Shares",
    version="2",
    family="slates",
    consumes=(Ballots,),
    solve=solve,
    options=EqualSharesOptions,
    reference="Peters & Skowron (2020), EC; Peters, Pierczyński & Skowron (2021), NeurIPS",
    axioms=("anonymity", "neutrality", "EJR+", "EJR", "PJR", "JR"),
)
