"""Audits of a judge: what moves its verdicts beside what it is to judge. Pure; one file per audit.

An audit says which altered copies of a pair it wants judged (`variants`) and turns the verdicts on
the pair and its copies into a `Finding`. Numbers speak of placement positions: + where position 0
is better. Who asks the judge, and where its replies are kept, is none of its business.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations
from statistics import fmean
from typing import Any, ClassVar

from annotation.phrases import say
from models_runtime.audits._intervals import Figure
from models_runtime.engines import Conversation

__all__ = [
    "PAIRS",
    "RANKINGS",
    "SCORES",
    "Audit",
    "Figure",
    "Finding",
    "Grade",
    "Listing",
    "Material",
    "Pair",
    "Show",
    "Trial",
    "Variant",
    "Vote",
    "at_least",
    "at_most",
    "by_place",
    "logit",
    "near_zero",
    "order_cells",
    "share_of",
    "sign_of",
    "too_little",
]

PLAIN = "plain"
PAIRS, SCORES, RANKINGS = "pairs", "scores", "rankings"  # what the judge does that an audit is of
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
    the set of pairs in which that response meets every wrong one.

    Where responses are scored or ranked: `marks` are what people gave, person → cell → 0 … 1 (see
    `Trial.cells`), `groups` what they told of themselves, person → attribute → value;
    `other_marks` are other judges', `earlier_cells` an earlier version's; `known` says by place
    which responses are known to be correct or wrong.
    """

    key: str
    prompt: str
    texts: tuple[str, ...]
    conversation: Conversation = ()
    families: tuple[str, ...] = ("", "")
    votes: tuple[Vote, ...] = ()
    marks: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    others: Mapping[str, float] = field(default_factory=dict)
    other_marks: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    earlier: float | None = None
    earlier_cells: Mapping[str, float] = field(default_factory=dict)
    right: int | None = None
    group: str = ""
    known: Mapping[int, bool] = field(default_factory=dict)

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
class Listing:
    """One call that showed several responses and compared them: their places in the order shown,
    and in the same order the share of the others that each beats, ties half."""

    shown: tuple[int, ...]
    standings: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """The judge's verdict on one variant; `number` is None where there is no readable verdict.
    `unread` names the place shown first in each call that couldn't be read. `cells` is what a judge
    gave that scores or ranks. Of one that rates or checks: "place/criterion" → 0 (lowest level, or
    no) … 1 (highest, or yes). Of one that ranks, for two places: "lower-higher" → 1 where the
    response at the lower place is better, 0 where it is worse, ½ where they are even."""

    number: float | None
    p: float | None = None
    shows: tuple[Show, ...] = ()
    unread: tuple[int, ...] = ()
    cells: Mapping[str, float] = field(default_factory=dict)
    lists: tuple[Listing, ...] = ()

    def marks_by_place(self) -> dict[int, float]:
        """What each response got, by its place: see `by_place`."""
        return by_place(self.cells)

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
    of judges that compare pairs, of those that rate and check single responses, or of those that
    rank several."""

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


def by_place(cells: Mapping[str, float]) -> dict[int, float]:
    """The mean of each response's scores; or, of a ranking, the share of the others that it is
    known to beat, ties half."""
    found: dict[int, list[float]] = {}
    for cell, value in cells.items():
        place, of_two, other = cell.partition("-")
        if of_two:
            found.setdefault(int(place), []).append(value)
            found.setdefault(int(other), []).append(1 - value)
        else:
            found.setdefault(int(cell.partition("/")[0]), []).append(value)
    return {place: fmean(values) for place, values in sorted(found.items())}


def order_cells(worth: Mapping[int, float], *, best_only: bool = False) -> dict[str, float]:
    """The cells of a ranking: for each two places whether the first is worth more. With
    `best_only` only who is best is known, so two others are not compared."""
    best = max(worth.values(), default=0.0)
    return {
        f"{a}-{b}": share_of(worth[a] - worth[b])
        for a, b in combinations(sorted(worth), 2)
        if not best_only or best in (worth[a], worth[b])
    }


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
    return Finding(
        (figure,), Grade.UNKNOWN, rule, say("Not enough data: %(what)s", what=what), detail
    )
