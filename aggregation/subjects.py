"""What can be examined about a run, by name: pure functions from evidence to a report."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from aggregation.diagnostics.annotators import LEANS
from aggregation.diagnostics.judgments import examine_judgments
from aggregation.method import Method
from aggregation.options import Options
from aggregation.reports import Report, plain
from aggregation.results import AggregateResult
from aggregation.tables import Table

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
    """One thing to examine. `needs_result`: only a finished run can be examined so.

    `steps` says how often `examine` reports progress; `options` is a dataclass from which forms
    are derived.
    """

    title: str
    examine: Examine
    steps: Callable[[Any], int]
    options: type[Options] = field(default=Options)
    needs_result: bool = True
    compares: bool = False


def _judgments(case: Case, options: Options, watch: Watch) -> Report:
    examined = examine_judgments(
        case.table, replicates=options.replicates or 200, seed=options.seed, watch=watch
    )
    kind = type(case.table)
    return {"table": kind.__name__, "lean": LEANS.get(kind, ""), **plain(examined)}


SUBJECTS: dict[str, Subject] = {
    "judgments": Subject(
        title="The judgments themselves",
        examine=_judgments,
        steps=lambda _: 4,
        needs_result=False,
    ),
}
