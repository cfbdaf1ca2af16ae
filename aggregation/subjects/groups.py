"""What each rule's choice costs whom, by what annotators had declared when they judged."""

from dataclasses import dataclass

from aggregation.diagnostics.group_costs import STEPS, group_costs
from aggregation.options import Options, option
from aggregation.reports import Report, plain
from aggregation.subjects.case import Case, Subject, Watch
from aggregation.tables import Comparisons, TableError
from annotation.phrases import say


@dataclass(frozen=True, kw_only=True)
class GroupsOptions(Options):
    attribute: str = option(
        "", "Groups", "The survey attribute by whose values people are told apart."
    )


def _groups(case: Case, options: GroupsOptions, watch: Watch) -> Report:
    if not isinstance(case.table, Comparisons):
        raise TableError(say("What a choice costs groups can only be read from comparisons."))
    results = [each.result for each in (case.first, *case.beside) if each.result is not None]
    found = group_costs(
        case.table,
        results,
        level=options.level,
        replicates=options.replicates or 200,
        seed=options.seed,
        watch=watch,
    )
    return {"attribute": options.attribute, **plain(found)}


GROUPS = Subject(
    title="What each choice costs whom",
    examine=_groups,
    steps=lambda _options, _rules: STEPS,
    options=GroupsOptions,
    evidence="declared groups",
)
