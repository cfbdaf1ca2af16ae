"""Whether voters could gain by voting otherwise, in sentences and a table."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from aggregation.findings.words import listed
from aggregation.reports import Report
from aggregation.wording import number

MOST_SHOWN = 20


@dataclass(frozen=True)
class StrategyRow:
    voters: str
    ballot: str
    cast: str
    winners: str


@dataclass(frozen=True)
class ManipulationView:
    sentences: tuple[str, ...]
    rows: tuple[StrategyRow, ...]
    total: int


def manipulation_view(report: Report) -> ManipulationView:
    found = report["strategies"]
    return ManipulationView(
        sentences=tuple(_sentences(report)),
        rows=tuple(
            StrategyRow(f"{each['count']:g}", each["ballot"], each["cast"], listed(each["winners"]))
            for each in found[:MOST_SHOWN]
        ),
        total=len(found),
    )


def _sentences(report: Report) -> list[str]:
    if report["count"] is None:
        said = [_("No like-minded voters were found who gain by voting otherwise than they think.")]
    else:
        said = [
            _(
                "%(count)s of %(voters)s like-minded voters are enough to gain by voting otherwise "
                "than they think: %(root)s times the square root of all voters. Below about one, "
                "chance alone would do as much."
            )
            % {
                "count": f"{report['count']:g}",
                "voters": f"{report['voters']:g}",
                "root": number(report["per_root"]),
            },
            _("%(share)s of the voters hold a ballot for which some such coalition gains.")
            % {"share": f"{report['exposed']:.0%}"},
        ]
    if not report["complete"]:
        said.append(
            _(
                "The search ended at its limit before everything was tried, so fewer voters may be "
                "enough."
            )
        )
    return said
