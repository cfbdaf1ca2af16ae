"""What a judged question can come to. Pure.

Read from a model's reply, an outcome speaks of the order in which the two were shown; `mirrored`
turns it into the order of placement positions where the second was shown first.
"""

from enum import StrEnum


class Outcome(StrEnum):
    FIRST_MUCH = "first_much"
    FIRST = "first"
    TIE = "tie"
    SECOND = "second"
    SECOND_MUCH = "second_much"
    BOTH_BAD = "both_bad"
    INVALID = "invalid"
    GIVEN = "given"  # an answer that is no comparison of two: ratings, a checklist, a ranking

    @property
    def number(self) -> float:
        """+1, +0.5, 0, -0.5, -1 as WildBench counts them; both bad is 0. others have none."""
        if self in {Outcome.INVALID, Outcome.GIVEN}:
            raise ValueError(f"a {self.value} outcome has no number and belongs in no mean")
        return _NUMBERS[self]

    @property
    def mirrored(self) -> "Outcome":
        return _MIRRORED.get(self, self)

    @property
    def winner(self) -> int | None:
        """0 or 1, the place of the better one; None where neither won."""
        if self in {Outcome.INVALID, Outcome.GIVEN} or self.number == 0:
            return None
        return 0 if self.number > 0 else 1


_NUMBERS = {
    Outcome.FIRST_MUCH: 1.0,
    Outcome.FIRST: 0.5,
    Outcome.TIE: 0.0,
    Outcome.BOTH_BAD: 0.0,
    Outcome.SECOND: -0.5,
    Outcome.SECOND_MUCH: -1.0,
}
_MIRRORED = {
    Outcome.FIRST_MUCH: Outcome.SECOND_MUCH,
    Outcome.FIRST: Outcome.SECOND,
    Outcome.SECOND: Outcome.FIRST,
    Outcome.SECOND_MUCH: Outcome.FIRST_MUCH,
}
