"""How sturdy a result is, in sentences and rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from aggregation.findings.words import listed
from aggregation.reports import Report
from aggregation.wording import number
from annotation.telling import told


@dataclass(frozen=True)
class JudgesRow:
    people: int
    share: str
    kept: str
    recall: str
    interval: str
    flipped: str
    tau: str


@dataclass(frozen=True)
class SturdinessView:
    """How sturdy a result is: sentences, and significance under fewer judges."""

    sentences: tuple[str, ...]
    judges: tuple[JudgesRow, ...]
    draws: int
    near: tuple[str, ...]


def sturdiness_view(report: Report) -> SturdinessView:
    removals, judges = report["removals"], report["judges"]
    return SturdinessView(
        sentences=tuple(_removals(removals)),
        judges=tuple(_judges(row) for row in judges),
        draws=judges[0]["draws"] if judges else 0,
        near=tuple(_near(report["near"])),
    )


def _removals(removals: Mapping[str, Any] | None) -> list[str]:
    if removals is None:
        return [_("This rule names no winner here, so nothing can be said about losing it.")]
    said = [_removal(removals["votes"], _("judgment"), _("judgments"), people=False)]
    if removals["people"] is not None:
        said.append(_removal(removals["people"], _("person"), _("people"), people=True))
    return said


def _removal(removal: Mapping[str, Any], one: str, many: str, *, people: bool) -> str:
    count, least, total = removal["count"], removal["least"], removal["total"]
    if removal["basis"] == "tied":
        return _("The first place is shared already, so no %(what)s has to go to change it.") % {
            "what": one
        }
    if count is None:
        return _(
            "No removal of %(what)s was found that changes the winner (out of %(total)s; at least "
            "%(least)s would have to go)."
        ) % {"what": many, "total": f"{total:,}", "least": f"{least:,}"}
    if len(removal["winners"]) == 1:
        said = _("%(winners)s would win if %(count)s of %(total)s %(what)s (%(share)s) were gone")
    else:
        said = _(
            "%(winners)s would share the first place if %(count)s of %(total)s %(what)s "
            "(%(share)s) were gone"
        )
    if count == least:
        said += _(", and no fewer would do.")
    else:
        said += _(". That many are enough; fewer might do, but at least %(least)s.")
    said = said % {
        "winners": listed(removal["winners"]),
        "count": f"{count:,}",
        "total": f"{total:,}",
        "what": one if total == 1 else many,
        "share": f"{count / total:.1%}",
        "least": f"{least:,}",
    }
    if people and removal["removed"]:
        said += " " + _("They are %(names)s.") % {"names": listed(removal["removed"], quoted=False)}
    return said


def _judges(row: Mapping[str, Any]) -> JudgesRow:
    known = row["recall_lo"] is not None
    return JudgesRow(
        people=row["people"],
        share=f"{row['share']:.0%}",
        kept=_("%(n)s of %(total)s")
        % {"n": told(f"{row['kept']:.1f}"), "total": told(f"{row['full']:.0f}")},
        recall="" if row["recall"] is None else f"{row['recall']:.0%}",
        interval=f"[{row['recall_lo']:.0%}, {row['recall_hi']:.0%}]" if known else "",
        flipped=f"{row['flipped']:.2f}",
        tau=number(row["tau"]),
    )


def _near(near: Mapping[str, Any] | None) -> list[str]:
    if near is None:
        return []
    said = [
        _(
            "Among Bradley–Terry fits that lose at most %(epsilon)s of log-likelihood per "
            "judgment, the order of %(ambiguous)d of %(pairs)d pairs can be either."
        )
        % {
            "epsilon": f"{near['epsilon']:g}",
            "ambiguous": near["ambiguous_pairs"],
            "pairs": near["pairs"],
        }
    ]
    if len(near["contenders"]) > 1:
        said.append(
            _("%(names)s each come first in one of them.") % {"names": listed(near["contenders"])}
        )
    else:
        said.append(
            _("%(name)s comes first in all of them.") % {"name": listed(near["contenders"])}
        )
    return said
