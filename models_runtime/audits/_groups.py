"""Which group of people does a judge resemble? What the audits of resemblance share. Pure.

For each group: the judge's agreement with its members less its agreement with everybody else who
told that attribute, each taken per question. Of k groups the one that stands out most is named,
with an interval at 1 - 0.02/k, so that looking at many groups finds nothing by looking.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from annotation.phrases import say
from models_runtime.audits import LEAST, Figure, Finding, near_zero, too_little
from models_runtime.audits._intervals import LEVEL, around, mean, unknown


@dataclass(frozen=True, slots=True)
class Agreed:
    """One person's answer to a question: the groups they belong to by attribute, and how far the
    judge agrees with it, 0 … 1."""

    groups: Mapping[str, str]
    share: float


Row = tuple[str, Sequence[Agreed]]  # a question: its prompt, and who answered it


def resembling(rows: Sequence[Row], limit: float, *, lacking: str) -> Finding:
    """The finding of the group that stands out; `lacking` says of what too few were answered."""
    rule = say(
        "Passes when the interval holds 0 or the difference is within "
        "±%(limit)s; fails when all of the interval lies beyond.",
        limit=f"{limit:g}",
    )
    groups = [each for each in _groups(rows) if each.is_enough]
    if not groups:
        return too_little(
            unknown(say("agreement less that with the others"), n=len(rows)),
            say(
                "no group of people answered %(least)s %(lacking)s beside others who did.",
                least=LEAST,
                lacking=lacking,
            ),
            rule,
        )
    level = 1 - (1 - LEVEL) / len(groups)
    gaps = [(each, each.gap(level)) for each in groups]
    told = [(each, gap) for each, gap in gaps if gap.is_known]
    if not told:
        return too_little(gaps[0][1], say("all of it belongs to one prompt."), rule)
    most, head = max(told, key=lambda each: _distance(each[1]))
    estimate, low, high = head.known()
    more = say("more") if estimate >= 0 else say("less")
    return Finding(
        (head,),
        near_zero(head, limit),
        rule,
        say(
            "It agrees with %(attribute)s “%(most)s” %(abs)s %(more)s than with the "
            "others [%(low)s, %(high)s]; of %(groups)s groups this one stands out "
            "most.",
            attribute=most.attribute,
            most=most.value,
            abs=f"{abs(estimate):.1%}",
            more=more,
            low=f"{low:.1%}",
            high=f"{high:.1%}",
            groups=len(groups),
        ),
        {"groups": [_told(each, gap) for each, gap in gaps]},
    )


@dataclass(frozen=True)
class _Side:
    """A group's questions: the judge's agreement with its members and the rest, None where nobody
    of that side answered."""

    attribute: str
    value: str
    prompts: Sequence[str]
    within: Sequence[float | None]
    without: Sequence[float | None]

    @property
    def is_enough(self) -> bool:
        return all(
            sum(each is not None for each in side) >= LEAST for side in (self.within, self.without)
        )

    def gap(self, level: float) -> Figure:
        """Mean agreement within less without, as if each were a mean over its own pairs."""
        estimate, influences = 0.0, np.zeros(len(self.prompts))
        for way, side in ((1, self.within), (-1, self.without)):
            present = np.array([each is not None for each in side])
            values = np.array([0.0 if each is None else each for each in side])
            middle = float(values[present].mean())
            estimate += way * middle
            influences += way * np.where(present, values - middle, 0.0) / present.sum()
        low, high = around(estimate, influences, self.prompts, level=level)
        n = sum(each is not None for each in self.within)
        return Figure(
            say("agreement with %(attribute)s “%(self)s” less that with the others",
attribute=self.attribute,
self=self.value),
            estimate, low, high,
            sum(each for each in self.within if each is not None), n,
            say("t, %(level)s, standard error clustered by prompt",
level=f"{level:.2%}"), "share",
        )  # fmt: skip


def _groups(rows: Sequence[Row]) -> list[_Side]:
    names = sorted({item for _, agreed in rows for each in agreed for item in each.groups.items()})
    prompts = [prompt for prompt, _ in rows]
    found = []
    for attribute, value in names:
        within = [_agreement(agreed, attribute, value, inside=True) for _, agreed in rows]
        without = [_agreement(agreed, attribute, value, inside=False) for _, agreed in rows]
        found.append(_Side(attribute, value, prompts, within, without))
    return found


def _agreement(
    agreed: Sequence[Agreed], attribute: str, value: str, *, inside: bool
) -> float | None:
    same = [
        each.share
        for each in agreed
        if attribute in each.groups and (each.groups[attribute] == value) is inside
    ]
    return fmean(same) if same else None


def _distance(gap: Figure) -> float:
    """How far the difference lies from 0, in half-widths of its interval."""
    estimate, low, high = gap.known()
    return abs(estimate) / max((high - low) / 2, 1e-12)


def _told(side: _Side, gap: Figure) -> dict[str, Any]:
    known = [
        (prompt, each)
        for prompt, each in zip(side.prompts, side.within, strict=True)
        if each is not None
    ]
    agreement = mean(say("agreement"), [each for _, each in known], [prompt for prompt, _ in known])
    return {
        "attribute": side.attribute,
        "value": side.value,
        "pairs": len(known),
        "agreement": agreement.estimate,
        "low": agreement.low,
        "high": agreement.high,
        "difference": gap.estimate,
    }
