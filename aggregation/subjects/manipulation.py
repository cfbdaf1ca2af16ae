"""Whether voters could gain by voting otherwise than they think."""

from dataclasses import dataclass
from typing import Any

from aggregation.diagnostics.manipulation import MOST_FITS, Manipulation, manipulation
from aggregation.method import Method
from aggregation.options import Options, option
from aggregation.reports import Report, plain
from aggregation.slates.item_values import said
from aggregation.subjects.case import Case, Subject, Watch
from aggregation.tables import Ballots, Ratings, TableError
from aggregation.tables.conversions import convert
from annotation.phrases import say


@dataclass(frozen=True, kw_only=True)
class ManipulationOptions(Options):
    most_fits: int = option(
        MOST_FITS, "Elections tried", "The search ends after so many.", low=10, high=200_000
    )


def _manipulation(case: Case, options: ManipulationOptions, watch: Watch) -> Report:
    method: Method = case.first.method
    table = case.table
    if not isinstance(table, Ballots | Ratings) or not method.accepts(Ballots):
        raise TableError(
            say(
                "Manipulation is looked for in rankings, under a rule that reads them. "
                "Ask for a ranking or ratings of several responses, and run a rule such "
                "as Borda."
            )
        )
    ballots = table if isinstance(table, Ballots) else convert(table, (Ballots,))[0]
    assert isinstance(ballots, Ballots)
    found = manipulation(
        method, ballots, case.first.options, most_fits=options.most_fits, watch=watch
    )
    return manipulation_report(found, method.slug)


def manipulation_report(found: Manipulation, slug: str) -> Report:
    """What was found as plain data, orders in words."""
    return {
        "method": slug,
        "winners": [said(w) for w in found.winners],
        "voters": found.voters,
        "count": found.count,
        "per_root": plain(found.per_root),
        "exposed": found.exposed,
        "complete": found.complete,
        "strategies": [
            {
                "ballot": order(each.ballot),
                "cast": order(each.cast),
                "count": each.count,
                "winners": [said(w) for w in each.winners],
            }
            for each in found.strategies
        ],
    }


def order(tiers: tuple[tuple[Any, ...], ...]) -> str:
    """A ranking in a line: best first, equals joined."""
    return " > ".join(" = ".join(map(said, tier)) for tier in tiers)


MANIPULATION = Subject(
    title="Whether voters could gain by voting otherwise",
    examine=_manipulation,
    steps=lambda options, _rules: options.most_fits,
    options=ManipulationOptions,
)
