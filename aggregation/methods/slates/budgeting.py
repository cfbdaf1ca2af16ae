"""Participatory budgeting: items have costs, and a budget is spent on what people approve.

`costs` gives the cost of items ("a: 30, b: 12.5"; 1 where it is silent) and `budget` what there is
to spend. `rule`:

- "equal_shares": everyone holds budget/n; an item of cost p is affordable at rate r where its
  supporters pay min(b_v, r u) each and reach p, u being 1 or, with `satisfaction="cost"`, p. The
  least rate is bought next.
- "phragmen": voters earn money at equal speed and buy an item when they hold its cost; what
  no longer fits is left out and the rest goes on.
- "greedy": most supporters first, whatever still fits. What most cities do; one large group can
  take everything.
- "lottery": Equal Shares first, then what voters have left buys fractions of items, which are
  their probabilities; slates of the draw cost at most one item more than the budget (BB1).

What Equal Shares leaves of the budget goes to `completion`: raising everyone's money by one percent
as long as the slate stays within the budget and then greedily, only greedily, or not at all. Items
that cost more than the budget can't win. All slates that ties allow are listed; a slate never costs
more than the budget, except in the lottery. Costs and budget come from you: nothing is estimated.

Of Equal Shares the result tells what was bought, in order: `purchases` in the fit's parameters,
each with its rate rho, its cost and how many paid, and `held`, what everyone had at first (raised
where completion raised it). Where slates tie, these are the first's; what was added greedily is not
among them.

Certified on each result: EJR+ with costs. It fails where supporters of an item outside, whose share
of the money is at least (h + 1) times its cost, have at most h approved items each (with
`satisfaction="cost"`: h + its cost, h being what was spent on items they approve). Equal Shares and
the lottery always have it, for the satisfaction they were run with; greedy and Phragmén may not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.slates._slate import ApprovalOptions, Choice, Contest, elect
from aggregation.options import option
from aggregation.slates.approvals import Floats
from aggregation.slates.budgets import bought_by_load, bought_by_shares, bought_greedily
from aggregation.slates.certificates import ejr_plus_with_costs
from aggregation.slates.completion import Bought
from aggregation.slates.equal_shares import equal_shares
from aggregation.slates.item_values import along, item_numbers
from aggregation.slates.lotteries import budget_lottery, dependent_rounding, fractional_shares
from aggregation.slates.ties import Committee, Slates
from aggregation.tables import Ballots
from aggregation.warning_codes import WarningCode, warn
from annotation.phrases import say


@dataclass(frozen=True, kw_only=True)
class BudgetingOptions(ApprovalOptions):
    RETIRED = frozenset({"seats"})

    budget: float = option(3.0, "Budget", "What there is to spend.", low=0)
    costs: str = option("", "Costs", "ITEM: COST, … (or a JSON object); 1 for other items.")
    rule: Literal["equal_shares", "phragmen", "greedy", "lottery"] = option(
        "equal_shares", "Rule", "How the budget is spent."
    )
    satisfaction: Literal["count", "cost"] = option(
        "count", "Satisfaction", "Does an approved item count one, or what it costs?"
    )
    completion: Literal["raise", "greedy", "none"] = option(
        "raise", "Left budget", "What happens with money that Equal Shares leaves."
    )


def solve(ballots: Ballots, options: BudgetingOptions, rng: np.random.Generator) -> Estimate:
    def rule(contest: Contest) -> Choice:
        given = along(item_numbers(options.costs, "costs"), contest.ids, 1.0, "costs")
        cost = np.array(given, dtype=np.float64)
        if options.rule == "lottery":
            return _lottery(contest, cost, options, rng)
        bought = _bought(contest, cost, options)
        found = bought.slates
        spent = [float(cost[list(slate)].sum()) for slate in found.committees]
        told = [] if max(map(len, found.committees)) else [warn(WarningCode.SEATS_UNFILLED, "all")]
        return Choice(
            found,
            parameters={"budget": options.budget, "spent": max(spent)},
            shares=bought.shares,
            axioms=_proved(contest, cost, options, found.committees),
            warnings=tuple(told),
        )

    return elect(ballots, options, rule)


def _bought(contest: Contest, cost: Floats, options: BudgetingOptions) -> Bought:
    votes, order = contest.votes, contest.priority
    if options.rule == "greedy":
        return Bought(bought_greedily(votes, cost, options.budget, order))
    if options.rule == "phragmen":
        return Bought(bought_by_load(votes, cost, options.budget, order))
    by_cost = options.satisfaction == "cost"
    return bought_by_shares(votes, cost, options.budget, order, by_cost, options.completion)


def _lottery(
    contest: Contest, cost: Floats, options: BudgetingOptions, rng: np.random.Generator
) -> Choice:
    votes, budget = contest.votes, options.budget
    by_cost = options.satisfaction == "cost"
    ends, complete = equal_shares(votes, cost, budget, contest.priority, by_cost)
    marginal: Floats = np.zeros(votes.n_items)
    chances: dict[Committee, float] = {}
    written = True
    for end in ends:
        p = fractional_shares(votes, end.chosen, end.left, cost, budget)
        marginal += p / len(ends)
        slates, chance = budget_lottery(p, cost, contest.priority)
        written = written and bool(slates)
        for slate, share in zip(slates, chance, strict=True):
            chances[slate] = chances.get(slate, 0.0) + share / len(ends)
    if not written:
        chances = {dependent_rounding(marginal, rng, cost): 1.0}
    listed = sorted(chances)
    said = (
        say("the lottery is given, nothing is drawn")
        if written
        else say("one slate drawn of too many")
    )
    parameters: dict[str, Any] = {"budget": budget, "expected": float(marginal @ cost)}
    return Choice(
        Slates(tuple(listed), complete),
        chances=tuple(chances[slate] for slate in listed) if written else (),
        score=np.minimum(marginal, 1.0),
        parameters=parameters,
        axioms=_proved(contest, cost, options, listed),
        warnings=(warn(WarningCode.RANDOMISED, said),),
    )


def _proved(
    contest: Contest, cost: Floats, options: BudgetingOptions, slates: Sequence[Committee]
) -> dict[str, Any]:
    """EJR+ with costs over all slates: it holds where every one of them has it."""
    by_cost = options.satisfaction == "cost"
    for slate in slates:
        found = ejr_plus_with_costs(contest.votes, slate, cost, options.budget, by_cost)
        if not found.holds:
            return {found.name: {**found.plain(), "slate": list(slate)}}
    return {"EJR+ with costs": {"holds": True}}


METHOD = Method(
    title="Participatory budgeting",
    version="2",
    family="slates",
    consumes=(Ballots,),
    solve=solve,
    options=BudgetingOptions,
    reference="Peters, Pierczyński & Skowron (2021), NeurIPS, “Proportional participatory "
    "budgeting with additive utilities”; Aziz, Lu, Suzuki, Vollen & Walsh (2024), AAAI",
    axioms=(
        "anonymity",
        "neutrality among items of equal cost",
        "budget kept",
        "EJR+ with costs (Equal Shares and lottery)",
    ),
)
