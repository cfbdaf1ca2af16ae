"""Approval: the item most annotators approve of.

An item is approved on a ballot when it stands in one of the first `tiers` tiers; ballots with two
tiers are approval ballots proper. score_i = weight of the approving ballots, or its share among the
ballots that showed i. The rule elects what most people can live with; it says nothing about how
strongly they differ.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice._tally import Tally, tally_ballots
from aggregation.options import Options, option
from aggregation.tables import Ballots

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ApprovalOptions(Options):
    tiers: int = option(1, "Approved tiers", "How many of the best tiers count as approved.", low=1)
    share: bool = option(False, "Per showing", "Divide by the ballots that showed the item.")


def solve(ballots: Ballots, options: ApprovalOptions, rng: np.random.Generator) -> Estimate:
    depth = options.tiers
    if depth > 1:
        ballots = ballots.merged_top(depth)

    def approvals(ranks: NDArray[Any], weight: Floats) -> Tally:
        approved = np.asarray(weight @ (ranks == 0), dtype=np.float64)
        shown = np.asarray(weight @ (ranks >= 0), dtype=np.float64)
        if not options.share:
            return Tally(approved)
        return Tally(approved / np.where(shown > 0, shown, 1.0), "share")

    return tally_ballots(ballots, approvals)


METHOD = Method(
    title="Approval voting",
    family="social_choice",
    consumes=(Ballots,),
    solve=solve,
    options=ApprovalOptions,
    reference="Brams & Fishburn (1978), American Political Science Review 72",
    axioms=(
        "anonymity",
        "neutrality",
        "monotonicity",
        "participation",
        "consistency",
    ),
)
