"""The judgments themselves: who met whom, how far people agree."""

from aggregation.diagnostics.annotators import LEANS
from aggregation.diagnostics.judgments import examine_judgments
from aggregation.options import Options
from aggregation.reports import Report, plain
from aggregation.subjects.case import Case, Subject, Watch


def _judgments(case: Case, options: Options, watch: Watch) -> Report:
    examined = examine_judgments(case.table, level=options.level, seed=options.seed, watch=watch)
    kind = type(case.table)
    return {"table": kind.__name__, "lean": LEANS.get(kind, ""), **plain(examined)}


JUDGMENTS = Subject(
    title="The judgments themselves",
    examine=_judgments,
    steps=lambda _options, _rules: 4,
    needs_result=False,
)
