"""Single transferable vote: each seat costs a quota of votes; what is beyond it passes on.

A ballot counts for its best item still in the race (t tied ones share it, 1/t each). The quota for
k seats and n voters, by weight, is q = n/(k + 1) (Droop, unrounded). An item with T > q votes takes
a seat, and every vote for it goes on to the ballot's next item with (T - q)/T of its weight; while
nobody has more than q, the item with the fewest votes leaves. Who is left when there are no more
than the open seats sits down. One seat: instant run-off.

Proportional for solid coalitions: voters of weight above l q who put the same l or more items above
all others get l of these. It says nothing where people agree on less than that: the slate isn't
certified by approvals (JR, EJR+), it isn't monotone, and an item that everybody ranks second can
leave first. Use the rules for approvals where people approve rather than rank.

All slates that some order of breaking ties gives are listed; where they are too many, one is drawn
in the public order (TIE_UNRESOLVED). `quota` is in the fit. There are other ways to pass on votes
beyond the quota (Meek's recounts after each exclusion); close counts can differ between them.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.slates._slate import Choice, Contest, elect, unfilled
from aggregation.options import Options, option
from aggregation.slates.transferable import transferable_vote
from aggregation.tables import Ballots


@dataclass(frozen=True, kw_only=True)
class TransferOptions(Options):
    ties: Literal["all", "draw"] = option(
        "all", "Tied slates", "List all of them, or draw one in the public order of the seed."
    )
    seats: int = option(3, "Seats", "How many items the slate holds.", low=1, high=1000)

    @property
    def approved(self) -> int:
        return 1

    def seats_among(self, n_items: int) -> int:
        return min(self.seats, n_items)


def solve(ballots: Ballots, options: TransferOptions, rng: np.random.Generator) -> Estimate:
    def rule(contest: Contest) -> Choice:
        levels, weight = contest.ballots.profile
        tiers = levels[weight > 0][:, contest.members].astype(np.int64)
        found, quota = transferable_vote(tiers, weight[weight > 0], contest.seats, contest.priority)
        return Choice(
            found,
            parameters={"quota": quota},
            axioms={},
            warnings=unfilled(contest, options.seats, found),
            by_rankings=True,
        )

    return elect(ballots, options, rule)


METHOD = Method(
    title="Single transferable vote",
    family="slates",
    consumes=(Ballots,),
    solve=solve,
    options=TransferOptions,
    reference="Hare (1859); Droop (1881), Journal of the Statistical Society of London 44; "
    "Tideman (1995), Journal of Economic Perspectives 9",
    axioms=("anonymity", "neutrality", "proportionality for solid coalitions"),
)
