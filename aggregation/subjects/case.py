"""What an examination is given and what it answers with: a case, its options, a report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from aggregation.method import Method
from aggregation.options import Options
from aggregation.reports import Report
from aggregation.results import AggregateResult
from aggregation.tables import Table

Watch = Callable[[int], object]
Attributes = Mapping[str, Sequence[str | None]]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A method with the options it was run with, and what came out (None: not yet run)."""

    method: Method
    options: Any
    result: AggregateResult | None = None


@dataclass(frozen=True, eq=False)
class Case:
    """What is examined: the evidence as `first` read it, and further rules on the same judgments.

    `tables` holds the evidence as each of `first, *beside` reads it; `attributes` a value per item
    of the first table, for subjects that ask for them.
    """

    first: Fitted
    tables: tuple[Table, ...]
    beside: tuple[Fitted, ...] = ()
    attributes: Attributes = field(default_factory=dict)

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
    `options` is a dataclass from which forms are derived. `evidence` says how the judgments are
    read: as the run reads them, split by what annotators declared, or response by response with
    what is known of each response.
    """

    title: str
    examine: Examine
    steps: Callable[[Any, int], int]
    options: type[Options] = field(default=Options)
    needs_result: bool = True
    compares: bool = False
    evidence: Literal["run", "declared groups", "responses"] = "run"


def with_spread(fitted: Fitted, replicates: int) -> Any:
    """The options as they were where they gave a spread, else with the bootstrap."""
    result = fitted.result
    if result is not None and (result.cov is not None or result.replicates is not None):
        return fitted.options
    return replace(fitted.options, replicates=replicates)
