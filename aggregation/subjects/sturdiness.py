"""How sturdy a result is: against removals, fewer judges, fits nearly as good."""

from dataclasses import dataclass
from typing import Any

from aggregation.diagnostics.multiplicity import MOST_ITEMS, near_optimal
from aggregation.diagnostics.sensitivity import MOST_FITS, sensitivity
from aggregation.diagnostics.significance import FewerJudges, under_fewer_judges
from aggregation.options import Options, option
from aggregation.reports import Report, plain
from aggregation.subjects.case import Case, Subject, Watch, with_spread
from aggregation.tables import PairCounts, Table, can_convert
from aggregation.tables.conversions import convert


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
    testable = with_spread(first, replicates=100)
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


STURDINESS = Subject(
    title="How sturdy the result is",
    examine=_sturdiness,
    steps=lambda options, _: REMOVALS + _judge_fits(options) + MOST_ITEMS,
    options=SturdinessOptions,
)
