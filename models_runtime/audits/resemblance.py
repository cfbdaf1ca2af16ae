"""Which group of people does the judge resemble?"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from models_runtime.audits import (
    LEAST,
    Audit,
    Figure,
    Finding,
    Material,
    Pair,
    Vote,
    near_zero,
    sign_of,
    too_little,
)
from models_runtime.audits._intervals import LEVEL, around, mean, unknown


class Resemblance(Audit):
    """For each group of people: the judge's agreement with its members less its agreement with
    everybody else who told that attribute, each taken per pair. Of k groups the one that stands out
    most is named, with an interval at 1 - 0.02/k, so that looking at many groups finds nothing by
    looking."""

    title = "Whom it resembles"
    question = "Does it agree with one group of people more than with the others?"
    reference = "Santurkar et al. 2023 (whose opinions); Bonferroni's correction"
    limit = 0.05
    needs = "people whose profiles tell a group, in at least two groups"

    def examine(self, material: Material, limit: float) -> Finding:
        rows = [
            (pair, sign_of(number))
            for pair in material.pairs
            if pair.votes and (number := material.number(pair)) is not None
        ]
        rule = (
            f"Passes when the interval holds 0 or the difference is within ±{limit:g}; fails when "
            "all of the interval lies beyond."
        )
        groups = [each for each in _groups(rows) if each.is_enough]
        if not groups:
            return too_little(
                unknown("agreement less that with the others", n=len(rows)),
                f"no group of people answered {LEAST} of the pairs beside others who did.",
                rule,
            )
        level = 1 - (1 - LEVEL) / len(groups)
        gaps = [(each, each.gap(level)) for each in groups]
        told = [(each, gap) for each, gap in gaps if gap.is_known]
        if not told:
            return too_little(gaps[0][1], "all pairs are of one prompt.", rule)
        most, head = max(told, key=lambda each: _distance(each[1]))
        estimate, low, high = head.known()
        more = "more" if estimate >= 0 else "less"
        return Finding(
            (head,),
            near_zero(head, limit),
            rule,
            f"It agrees with {most.attribute} “{most.value}” {abs(estimate):.1%} {more} than "
            f"with the others [{low:.1%}, {high:.1%}]; of {len(groups)} groups this one stands "
            "out most.",
            {"groups": [_told(each, gap) for each, gap in gaps]},
        )


@dataclass(frozen=True)
class _Side:
    """A group's pairs: the judge's agreement with its members and with the rest, None where nobody
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
            f"agreement with {self.attribute} “{self.value}” less that with the others",
            estimate, low, high,
            sum(each for each in self.within if each is not None), n,
            f"t, {level:.2%}, standard error clustered by prompt", "share",
        )  # fmt: skip


def _groups(rows: Sequence[tuple[Pair, int]]) -> list[_Side]:
    names = sorted(
        {item for pair, _ in rows for vote in pair.votes for item in vote.groups.items()}
    )
    prompts = [pair.prompt for pair, _ in rows]
    found = []
    for attribute, value in names:
        within = [_agreement(p.votes, sign, attribute, value, inside=True) for p, sign in rows]
        without = [_agreement(p.votes, sign, attribute, value, inside=False) for p, sign in rows]
        found.append(_Side(attribute, value, prompts, within, without))
    return found


def _agreement(
    votes: Sequence[Vote], sign: int, attribute: str, value: str, *, inside: bool
) -> float | None:
    same = [
        float(sign_of(vote.number) == sign)
        for vote in votes
        if attribute in vote.groups and (vote.groups[attribute] == value) is inside
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
    agreement = mean("agreement", [each for _, each in known], [prompt for prompt, _ in known])
    return {
        "attribute": side.attribute,
        "value": side.value,
        "pairs": len(known),
        "agreement": agreement.estimate,
        "low": agreement.low,
        "high": agreement.high,
        "difference": gap.estimate,
    }


AUDIT = Resemblance()
