"""Fair lottery: a draw between slates, fair to everyone beforehand and proportional afterwards.

Everyone gets an equal budget and Equal Shares is run; what it elects has a seat for certain. Then
every voter with money left pays at equal speed for all items she approves that aren't full yet, and
the money an item has collected is its probability p_c of a seat; the rest of the k seats goes to
the other items in proportion to their support. score = p_c, and `committees` with `committee_probs`
is a lottery over slates of k items with exactly these probabilities (systematic sampling in the
public order of the seed, at most m + 1 slates). Nothing is drawn here.

Before the draw: group fair share (GFS), for every group S the expected number of seats for items
somebody in S approves is at least the sum over S of min(k, |A_v|)/n; certified by a flow. After it:
every slate holds what Equal Shares elected and so has EJR+. Where Equal Shares ties, the lotteries
of all its slates are mixed evenly.
"""

from typing import Any

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.slates._slate import Choice, Contest, SlateOptions, elect
from aggregation.slates.approvals import Floats
from aggregation.slates.certificates import group_fair_share, report
from aggregation.slates.equal_shares import equal_shares
from aggregation.slates.lotteries import fractional_shares, systematic_lottery
from aggregation.slates.ties import Committee, Slates
from aggregation.tables import Ballots
from aggregation.warning_codes import WarningCode, warn
from annotation.phrases import say


def solve(ballots: Ballots, options: SlateOptions, rng: np.random.Generator) -> Estimate:
    def rule(contest: Contest) -> Choice:
        return _lottery(contest, options.seats)

    return elect(ballots, options, rule)


def _lottery(contest: Contest, wanted: int) -> Choice:
    votes, seats = contest.votes, contest.seats
    price = np.ones(votes.n_items)
    ends, complete = equal_shares(votes, price, float(seats), contest.priority)
    marginal: Floats = np.zeros(votes.n_items)
    chances: dict[Committee, float] = {}
    for end in ends:
        p = fractional_shares(votes, end.chosen, end.left, price, float(seats))
        marginal += p / len(ends)
        for slate, chance in zip(*systematic_lottery(p, contest.priority), strict=True):
            chances[slate] = chances.get(slate, 0.0) + chance / len(ends)
    slates = sorted(chances)
    told = [warn(WarningCode.RANDOMISED, say("the lottery is given, nothing is drawn"))]
    if wanted > seats:
        told.append(warn(WarningCode.SEATS_UNFILLED, f"{wanted - seats} of {wanted}"))
    axioms: dict[str, Any] = report(votes, slates, seats)
    axioms["GFS"] = group_fair_share(votes, marginal, seats).plain()
    return Choice(
        Slates(tuple(slates), complete),
        chances=tuple(chances[slate] for slate in slates),
        score=np.minimum(marginal, 1.0),
        parameters={"certain": min(len(end.chosen) for end in ends)},
        axioms=axioms,
        warnings=tuple(told),
    )


METHOD = Method(
    title="Fair lottery over slates",
    family="slates",
    consumes=(Ballots,),
    solve=solve,
    options=SlateOptions,
    reference="Aziz, Lu, Suzuki, Vollen & Walsh (2023), WINE, “Best-of-both-worlds fairness in "
    "committee voting”",
    axioms=("anonymity", "neutrality", "group fair share", "EJR+ of every slate"),
)
