"""Rules against each other: what hangs on the rule, which predicts people best."""

from dataclasses import dataclass, replace
from typing import Any

from aggregation.diagnostics.annotators import as_pairs
from aggregation.diagnostics.cross_validation import CrossValidation, cross_validate
from aggregation.diagnostics.multiplicity import across_rules
from aggregation.options import Options, option
from aggregation.reports import Report, plain
from aggregation.subjects.case import Case, Fitted, Subject, Watch
from aggregation.tables import PairCounts


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


RULES = Subject(
    title="Rules against each other",
    examine=_rules,
    steps=lambda options, rules: options.folds * rules,
    options=RulesOptions,
    compares=True,
)
