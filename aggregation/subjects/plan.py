"""How many more judgments a goal needs."""

from dataclasses import dataclass
from typing import Literal

from aggregation.diagnostics.planner import STEPS, plan_for
from aggregation.options import Options, option
from aggregation.reports import Report, plain
from aggregation.subjects.case import Case, Subject, Watch, with_spread


@dataclass(frozen=True, kw_only=True)
class PlanOptions(Options):
    goal: Literal["winner", "order", "width"] = option(
        "winner",
        "Goal",
        "The first is told apart from every other; or every two are told apart; or the intervals "
        "are narrow enough.",
    )
    width: float = option(
        0.1, "Half-width", "For narrow intervals: plus or minus so much, in the score's unit.",
        low=1e-6,
    )  # fmt: skip
    chance: float = option(
        0.8, "Chance", "With which the goal is to be reached.", low=0.5, high=0.99
    )
    futures: int = option(2_000, "Simulated futures", low=100, high=50_000)


def _plan(case: Case, options: PlanOptions, watch: Watch) -> Report:
    first = case.first
    result = first.result
    if result is None or (result.cov is None and result.replicates is None):
        result = first.method.fit(case.table, with_spread(first, replicates=200))
    who = getattr(case.table, "annotator", None)
    people = 0 if who is None else len(set(who[who >= 0].tolist()))
    found = plan_for(
        result,
        len(case.table),
        people=people,
        goal=options.goal,
        level=options.level,
        width=options.width,
        chance=options.chance,
        futures=options.futures,
        seed=options.seed,
        watch=watch,
    )
    if found is None:
        return {"plan": None}
    forecasts = [
        {**plain(each), "people": found.people_for(each.more)}
        for each in (found.enough, *found.forecasts)
    ]
    return {"plan": plain(found), "unit": result.score_kind, "forecasts": forecasts}


PLAN = Subject(
    title="How many more judgments",
    examine=_plan,
    steps=lambda _options, _rules: STEPS,
    options=PlanOptions,
)
