"""What can be examined about a run, by name: pure functions from evidence to a report."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from aggregation.diagnostics.annotators import LEANS, as_pairs
from aggregation.diagnostics.cross_validation import CrossValidation, cross_validate
from aggregation.diagnostics.judgments import examine_judgments
from aggregation.diagnostics.multiplicity import MOST_ITEMS, across_rules, near_optimal
from aggregation.diagnostics.planner import STEPS, plan_for
from aggregation.diagnostics.sensitivity import MOST_FITS, sensitivity
from aggregation.diagnostics.significance import FewerJudges, under_fewer_judges
from aggregation.method import Method
from aggregation.options import Options, option
from aggregation.reports import Report, plain
from aggregation.results import AggregateResult
from aggregation.tables import PairCounts, Table, can_convert
from aggregation.tables.conversions import convert

Watch = Callable[[int], object]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A method with the options it was run with, and what came out (None: not yet run)."""

    method: Method
    options: Any
    result: AggregateResult | None = None


@dataclass(frozen=True, eq=False)
class Case:
    """What is examined: the evidence as `first` read it, and further rules on the same judgments.

    `tables` holds the evidence as each of `first, *beside` reads it.
    """

    first: Fitted
    tables: tuple[Table, ...]
    beside: tuple[Fitted, ...] = ()

    @property
    def table(self) -> Table:
        return self.tables[0]


class Examine(Protocol):
    def __call__(self, case: Case, options: Any, watch: Watch) -> Report: ...


@dataclass(frozen=True)
class Subject:
    """One thing to examine. `needs_result`: only a finished run can be examined so; `compares`: it
    needs further runs on the same judgments.

    `steps` says, for options and a number of rules, up to what number `examine` reports progress;
    `options` is a dataclass from which forms are derived.
    """

    title: str
    examine: Examine
    steps: Callable[[Any, int], int]
    options: type[Options] = field(default=Options)
    needs_result: bool = True
    compares: bool = False


def _judgments(case: Case, options: Options, watch: Watch) -> Report:
    examined = examine_judgments(
        case.table, replicates=options.replicates or 200, seed=options.seed, watch=watch
    )
    kind = type(case.table)
    return {"table": kind.__name__, "lean": LEANS.get(kind, ""), **plain(examined)}


# --- How sturdy a result is ---------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class SturdinessOptions(Options):
    draws: int = option(
        20, "Draws", "How many random parts of the annotators are tried per size.", low=2, high=500
    )
    epsilon: float = option(
        0.005,
        "Nearly optimal",
        "Log-likelihood per judgment that a fit may lose and still count as nearly as good.",
        low=0.0,
        high=1.0,
    )


def _sturdiness(case: Case, options: SturdinessOptions, watch: Watch) -> Report:
    first, table = case.first, case.table
    removals = sensitivity(
        first.method, table, first.options, watch=lambda done: watch(min(done, REMOVALS))
    )
    watch(REMOVALS)
    testable = _with_spread(first, replicates=100)
    judges: tuple[FewerJudges, ...] = ()
    if first.result is not None and first.result.rank is not None:
        judges = under_fewer_judges(
            lambda part: first.method.fit(part, testable),
            table,
            draws=options.draws,
            seed=options.seed,
            watch=lambda done: watch(REMOVALS + done),
        )
    before = REMOVALS + _judge_fits(options)
    watch(before)
    counts = _counts(table)
    near = (
        None
        if counts is None
        else near_optimal(counts, options.epsilon, watch=lambda done: watch(before + done))
    )
    return {
        "removals": plain(removals),
        "judges": plain(judges),
        "near": None if near is None or counts is None else _near(near, counts),
    }


REMOVALS = 2 * MOST_FITS + 1


def _judge_fits(options: SturdinessOptions) -> int:
    return 1 + 3 * options.draws


def _near(near: Any, counts: PairCounts) -> Report:
    first = [
        {"item": item, "cost": cost}
        for item, cost in zip(counts.ids, near.first_cost.tolist(), strict=True)
    ]
    return {
        "epsilon": near.epsilon,
        "pairs": near.pairs,
        "ambiguous_pairs": near.ambiguous_pairs,
        "contenders": plain([counts.ids[k] for k in near.contenders]),
        "first_cost": plain(first),
    }


def _counts(table: Table) -> PairCounts | None:
    if not can_convert(type(table), (PairCounts,)):
        return None
    counts, _ = convert(table, (PairCounts,))
    return counts if isinstance(counts, PairCounts) else None


def _with_spread(fitted: Fitted, replicates: int) -> Any:
    """The options as they were where they gave a spread, else with the bootstrap."""
    result = fitted.result
    if result is not None and (result.cov is not None or result.replicates is not None):
        return fitted.options
    return replace(fitted.options, replicates=replicates)


# --- Rules against each other -------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class RulesOptions(Options):
    folds: int = option(
        5, "Folds", "Annotators are dealt into so many parts, each predicted from the others.",
        low=2, high=50,
    )  # fmt: skip


def _rules(case: Case, options: RulesOptions, watch: Watch) -> Report:
    fitted = (case.first, *case.beside)
    named = [(each.method.slug, each) for each in fitted]
    across = across_rules([each.result for each in fitted if each.result is not None])
    pairs = None
    if all(not isinstance(table, PairCounts) for table in case.tables):
        pairs = as_pairs(case.table)  # type: ignore[arg-type]
    held: CrossValidation | None = None
    if pairs is not None:
        rules = [(slug, each.method, _plain_options(each)) for slug, each in named]
        held = cross_validate(
            [rule for rule in rules if rule[1].accepts(type(pairs))],
            pairs,
            folds=options.folds,
            seed=options.seed,
            watch=watch,
        )
    watch(options.folds * len(fitted))
    return {
        "methods": [slug for slug, _ in named],
        "across": plain(across),
        "held_out": plain(held),
    }


def _plain_options(fitted: Fitted) -> Any:
    """The same options without the bootstrap, which predicts nothing."""
    return replace(fitted.options, replicates=0)


# --- How many more judgments --------------------------------------------------------------------


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
        result = first.method.fit(case.table, _with_spread(first, replicates=200))
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


SUBJECTS: dict[str, Subject] = {
    "judgments": Subject(
        title="The judgments themselves",
        examine=_judgments,
        steps=lambda _options, _rules: 4,
        needs_result=False,
    ),
    "sturdiness": Subject(
        title="How sturdy the result is",
        examine=_sturdiness,
        steps=lambda options, _: REMOVALS + _judge_fits(options) + MOST_ITEMS,
        options=SturdinessOptions,
    ),
    "rules": Subject(
        title="Rules against each other",
        examine=_rules,
        steps=lambda options, rules: options.folds * rules,
        options=RulesOptions,
        compares=True,
    ),
    "plan": Subject(
        title="How many more judgments",
        examine=_plan,
        steps=lambda _options, _rules: STEPS,
        options=PlanOptions,
    ),
}
