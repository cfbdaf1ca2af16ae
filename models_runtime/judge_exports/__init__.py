"""Data sets made of judges' own calls: to train judges and critics. Pure; one file per format.

An export reads `Turn`s, the readable calls of a job told again as they were sent, beside what
people said of the same, and yields rows that are written as JSON lines.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """One readable call. `cell` names what was judged in it within its question: samples of one ask
    share it. `value` is what was read, as a number where it is one; in pairwise calls +1 where
    position 0 is better, 0 for a tie, -1. `people` is the mean of what people gave for the same on
    the same scale, None without any; `n` how many they were."""

    question: str
    cell: str
    messages: Sequence[Mapping[str, str]]
    text: str
    template: str
    model: str
    value: float | None = None
    people: float | None = None
    n: int = 0


class JudgeExport:
    """One format. Subclasses set what is declared here and write `rows`."""

    title: ClassVar[str]
    summary: ClassVar[str]
    reference: ClassVar[str]
    fields: ClassVar[tuple[str, ...]]

    def rows(self, turns: Sequence[Turn]) -> Iterator[Row]:
        """The rows that a question's turns make, in their order."""
        raise NotImplementedError
