"""Audits of a judge: what moves its verdicts beside what it is to judge. Pure; one file per audit.

An audit says which altered copies of a pair it wants judged (`variants`) and turns the verdicts on
the pair and its copies into a `Finding`. Numbers speak of placement positions: + where position 0
is better. Who asks the judge, and where its replies are kept, is none of its business.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import fmean
from typing import Any, ClassVar

from models_runtime.audits._intervals import Figure
from models_runtime.engines import Conversation

__all__ = [
    "PAIRS",
    "SCORES",
    "Audit",
    "Figure",
    "Finding",
    "Grade",
    "Material",
    "Pair",
    "Show",
    "Trial",
    "Variant",
    "Vote",
    "at_least",
    "at_most",
    "logit",
    "near_zero",
    "share_of",
    "sign_of",
    "too_little",
]

PLAIN = "plain"
PAIRS, SCORES = "pairs", "scores"  # what the judge does that an audit is of
LEAST = 20  # pairs below which an audit says that it can't say
_EDGE = 1e-9


class Grade(StrEnum):
    """What an audit comes to. UNKNOWN: not enough data to say."""

    PASS = "pass"  # noqa: S105 - a grade
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Vote:
    """What one person said of a pair, -1 … 1, with the groups they belong to by attribute."""

    person: str
    number: float
    groups: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pair:
    """The responses of one question, two of them where they are compared, with what is known.

    `families` say whose model wrote each, "" where nobody knows. `others` are the verdicts of other
    judges by their name, `earlier` those of an earlier version of this judge, -1 … 1. `right` is
    the place of the response known to be correct, None where none or both are; then `group` names
    the set of pairs in which that response meets every wrong one. `marks` are what people gave in a
    rating or a checklist: person → cell → 0 … 1, see `Trial.cells`.
    """

    key: str
    prompt: str
    texts: tuple[str, ...]
    conversation: Conversation = ()
    families: tuple[str, str] = ("", "")
    votes: tuple[Vote, ...] = ()
    marks: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    others: Mapping[str, float] = field(default_factory=dict)
    earlier: float | None = None
    right: int | None = None
    group: str = ""

    def people(self) -> float | None:
        """The mean share of people for position 0, ties half; None without people."""
        return fmean(share_of(vote.number) for vote in self.votes) if self.votes else None


@dataclass(frozen=True, slots=True)
class Variant:
    """A copy of a pair: other texts, another conversation, or simply again."""

    name: str
    texts: tuple[str, ...]
    conversation: Conversation


@dataclass(frozen=True, slots=True)
class Show:
    """One call that showed both responses: which place came first, and what was said, in placement
    terms: `number` -1 … 1, `p` the probability that position 0 wins where the judge gives one."""

    first: int
    number: float
    p: float | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """The judge's verdict on one variant; `number` is None where there is no readable verdict.
    `unread` names the place shown first in each call that couldn't be read. `cells` is what a judge
    that rates or checks gave: "place/criterion" → 0 (lowest level, or no) … 1 (highest, or yes)."""

    number: float | None
    p: float | None = None
    shows: tuple[Show, ...] = ()
    unread: tuple[int, ...] = ()
    cells: Mapping[str, float] = field(default_factory=dict)

    def marks_by_place(self) -> dict[str, float]:
        """The mean of each response's cells, by its place."""
        found: dict[str, list[float]] = {}
        for cell, value in self.cells.items():
            found.setdefault(cell.partition("/")[0], []).append(value)
        return {place: fmean(values) for place, values in found.items()}

    @property
    def log_odds(self) -> float | None:
        """For position 0: from the verdict's probability, else the mean of the shows' log-odds."""
        told = [logit(show.p) for show in self.shows if show.p is not None]
        if told:
            by_order = [
                [logit(show.p) for show in self.shows if show.p is not None and show.first == place]
                for place in (0, 1)
            ]
            return fmean(fmean(each) for each in by_order if each)
        return None if self.p is None else logit(self.p)

    def share(self) -> float | None:
        """1, ½ or 0 for position 0 by the verdict alone."""
        return None if self.number is None else share_of(self.number)


@dataclass(frozen=True)
class Material:
    """What an audit looks at: pairs, the trials by (pair's key, variant's name), whose model the
    judge is, and a seed for resampling."""

    pairs: Sequence[Pair]
    trials: Mapping[tuple[str, str], Trial]
    family: str = ""
    seed: int = 0

    def trial(self, pair: Pair, variant: str = PLAIN) -> Trial | None:
        return self.trials.get((pair.key, variant))

    def number(self, pair: Pair, variant: str = PLAIN) -> float | None:
        found = self.trial(pair, variant)
        return None if found is None else found.number

    def gives_probabilities(self) -> bool:
        """Whether every readable verdict on a pair as it is carries a probability."""
        read = [
            trial
            for (_, variant), trial in self.trials.items()
            if variant == PLAIN and trial.number is not None
        ]
        return bool(read) and all(trial.log_odds is not None for trial in read)


@dataclass(frozen=True)
class Finding:
    """What an audit found. The first figure is its headline; `rule` says when it passes.

    `detail` holds what else a card shows (a curve, a table), as JSON.
    """

    figures: tuple[Figure, ...]
    grade: Grade
    rule: str
    sentence: str
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def headline(self) -> Figure:
        return self.figures[0]


class Audit:
    """One audit. `limit` is where passing ends unless an owner sets another; `asks` says that it
    wants copies judged; `needs` in words what a project must have for it. `of` says whether it is
    of judges that compare pairs or of those that rate and check single responses."""

    title: ClassVar[str]
    question: ClassVar[str]
    reference: ClassVar[str]
    limit: ClassVar[float]
    needs: ClassVar[str] = ""
    of: ClassVar[str] = PAIRS

    def variants(self, pair: Pair) -> Sequence[Variant]:
        """The copies of `pair` to be judged beside the pair itself."""
        return ()

    def examine(self, material: Material, limit: float) -> Finding:
        """What the verdicts say."""
        raise NotImplementedError


def share_of(number: float) -> float:
    """1 where position 0 is better, 0 where it is worse, ½ for a tie."""
    return 0.5 if number == 0 else float(number > 0)


def sign_of(number: float) -> int:
    return (number > 0) - (number < 0)


def logit(p: float) -> float:
    """log(p/(1-p)), with p kept away from 0 and 1 by 1e-9."""
    p = min(max(p, _EDGE), 1 - _EDGE)
    return math.log(p / (1 - p))


# --- Rules ----------------------------------------------------------------------------------------


def at_most(figure: Figure, limit: float) -> Grade:
    """Pass up to the limit, fail where the whole interval lies above it, else warn."""
    estimate, low, _ = figure.known()
    if estimate <= limit:
        return Grade.PASS
    return Grade.FAIL if low > limit else Grade.WARN


def at_least(figure: Figure, limit: float) -> Grade:
    """Pass from the limit up, fail where the whole interval lies below it, else warn."""
    estimate, _, high = figure.known()
    if estimate >= limit:
        return Grade.PASS
    return Grade.FAIL if high < limit else Grade.WARN


def near_zero(figure: Figure, limit: float) -> Grade:
    """Pass where the interval holds 0 or the estimate is within ±limit, fail where the whole
    interval lies beyond the limit, else warn."""
    estimate, low, high = figure.known()
    if low <= 0 <= high or abs(estimate) <= limit:
        return Grade.PASS
    return Grade.FAIL if low > limit or high < -limit else Grade.WARN


def too_little(figure: Figure, what: str, rule: str = "", **detail: Any) -> Finding:
    """The finding of an audit that can't say: `what` names what is lacking."""
    return Finding((figure,), Grade.UNKNOWN, rule, f"Not enough data: {what}", detail)
