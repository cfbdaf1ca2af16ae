"""Evidence: what any judgment says, in one small language. Pure.

A judgment type turns its payload into evidence; an aggregation method consumes tables made of
evidence; neither knows the other. Candidates and criteria are named by integers that the caller
chooses: placement positions, row ids or table indices.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class TieKind(IntEnum):
    """Why a comparison has no winner; the numbers are those of the comparison table."""

    NONE = 0
    ABOUT_THE_SAME = 1
    BOTH_BAD = 2
    CANNOT_TELL = 3


@dataclass(frozen=True, slots=True)
class Comparison:
    """`a` against `b`. The sign of `strength` names the winner (+ a, - b); 0 is a tie.

    |strength| is 1 ("slightly") to 3 ("much"). `tie_kind` is NONE iff there is a winner.
    """

    a: int
    b: int
    strength: int
    tie_kind: TieKind = TieKind.NONE

    def __post_init__(self) -> None:
        if self.a == self.b:
            raise ValueError("a comparison needs two different candidates")
        if not -3 <= self.strength <= 3:
            raise ValueError(f"strength {self.strength} is outside -3 to 3")
        if (self.strength == 0) == (self.tie_kind is TieKind.NONE):
            raise ValueError("a tie names its kind, and only a tie does")


@dataclass(frozen=True, slots=True)
class Ranking:
    """Candidates in tiers, best first; one tier holds ties. `shown` lists all that were offered."""

    tiers: tuple[tuple[int, ...], ...]
    shown: tuple[int, ...]

    def __post_init__(self) -> None:
        ranked = [candidate for tier in self.tiers for candidate in tier]
        if len(set(ranked)) != len(ranked):
            raise ValueError("a ranking names each candidate once")
        if not set(ranked) <= set(self.shown):
            raise ValueError("a ranking names only candidates that were shown")


@dataclass(frozen=True, slots=True)
class Rating:
    """A number given to one candidate on one criterion, within `low` and `high`."""

    candidate: int
    criterion: int
    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"rating {self.value} is outside {self.low} to {self.high}")


class Answer(StrEnum):
    YES = "yes"
    NO = "no"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class Label:
    """An answer to one yes/no criterion about one candidate."""

    candidate: int
    criterion: int
    answer: Answer


Evidence = Comparison | Ranking | Rating | Label
