"""Numbers as a report states them: with what they rest on, and an interval or why there is none."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregation.uncertainty import expanded_level
from annotation.phrases import say

Floats = NDArray[np.float64]
DECIMALS = 6  # in a stored report; more would differ between machines

NOUNS = (  # what is counted: one, and many
    ("annotator", "annotators"),
    ("answer", "answers"),
    ("choice", "choices"),
    ("group", "groups"),
    ("item", "items"),
    ("judgment", "judgments"),
    ("listed pair", "listed pairs"),
    ("pair", "pairs"),
    ("pair of people", "pairs of people"),
    ("person", "people"),
    ("prompt", "prompts"),
    ("resample", "resamples"),
    ("response", "responses"),
    ("statement", "statements"),
    ("system", "systems"),
    ("vote", "votes"),
)
COUNTED = say("a count, not an estimate")


@dataclass(frozen=True)
class Figure:
    """A number. `n` says how many `of` what it rests on; without bounds, `why` says why.

    A figure without a value also says why. Raises ValueError for one that keeps silent.
    """

    value: float | None
    n: float | None = None
    of: str = ""
    lo: float | None = None
    hi: float | None = None
    why: str = ""

    def __post_init__(self) -> None:
        if (self.value is None or self.lo is None) and not self.why:
            raise ValueError("A number without an interval must say why.")

    @property
    def known(self) -> bool:
        return self.value is not None

    @property
    def above_zero(self) -> bool:
        """The whole interval lies above zero."""
        return self.lo is not None and self.lo > 0


def count(value: float, of: str) -> Figure:
    return Figure(float(value), float(value), of, why=COUNTED)


def unknown(why: str) -> Figure:
    return Figure(None, why=why)


def estimate(
    value: float,
    draws: Floats | None,
    n: float,
    of: str,
    why: str,
    level: float = 0.95,
    people: float = math.inf,
) -> Figure:
    """A value with percentile bounds of `draws`; `why` is given where there are no draws.

    The bounds are widened for how few `people` the value rests on (expanded percentile), as
    reweighting a dozen people varies too little.
    """
    if not math.isfinite(value):
        return unknown(why or say("nothing was observed"))
    if draws is None or not len(draws):
        return Figure(tidy(value), n, of, why=why or say("not resampled"))
    known = draws[np.isfinite(draws)]
    if len(known) < max(2, 0.9 * len(draws)):
        return Figure(tidy(value), n, of, why=say("undefined in too many resamples"))
    wide = expanded_level(level, max(int(people), 2)) if math.isfinite(people) else level
    tail = (1 - wide) / 2
    lo, hi = np.quantile(known, [tail, 1 - tail])
    return Figure(tidy(value), n, of, tidy(lo), tidy(hi))


def tidy(value: float) -> float:
    """Rounded so that a report rebuilt elsewhere reads the same; no negative zero."""
    return round(float(value), DECIMALS) + 0.0


# --- In words ------------------------------------------------------------------------------------


def percent(figure: Figure) -> str:
    """ "62 % [55, 69]", or why it isn't known; the per cent sign stays with its number."""
    if figure.value is None:
        return say("not known (%(figure_why)s)", figure_why=figure.why)
    said = f"{100 * figure.value:.0f}\N{NO-BREAK SPACE}%"
    if figure.lo is not None and figure.hi is not None:
        said += f" [{100 * figure.lo:.0f}, {100 * figure.hi:.0f}]"
    return said.replace("-", "−")


def points(figure: Figure) -> str:
    """A difference of shares: "4.1 points [1.0, 7.2]"."""
    if figure.value is None:
        return say("not known (%(figure_why)s)", figure_why=figure.why)
    said = say("%(n)s points", n=f"{100 * figure.value:.1f}")
    if figure.lo is not None and figure.hi is not None:
        said += f" [{100 * figure.lo:.1f}, {100 * figure.hi:.1f}]"
    return said.replace("-", "−")


def many(number: float, noun: str, plural: str | None = None) -> str:
    """ "1 person", "1,204 people"."""
    return f"{number:,.0f} {noun if round(number) == 1 else plural or noun + 's'}"


def people(number: float) -> str:
    return many(number, "person", "people")


def listed(names: "list[str] | tuple[str, ...]") -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
