"""What an import did or would do, and how far it is. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from annotation.intake.refusals import Flaw


class Progress(NamedTuple):
    """How far an import is. `stage` is reading (bytes), checking (steps), rendering (texts) or
    writing (rows); `rows` is how many rows have been read so far.
    """

    stage: str
    done: int
    total: int
    rows: int


Tell = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The outcome of one import.

    `created` and `unchanged` count by noun ("prompts", "judgments", …); unchanged ones were there
    already with the same content. `bad_rows` counts rows with flaws: if it isn't 0, nothing was
    written. `flaws` holds the first of them in file order, `flaws_file` is a CSV file with all.
    """

    kind: str
    source: str
    rows: int
    bad_rows: int = 0
    created: dict[str, int] = field(default_factory=dict)
    unchanged: dict[str, int] = field(default_factory=dict)
    flaws: tuple[Flaw, ...] = ()
    flaws_file: Path | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    dry_run: bool = False

    def __str__(self) -> str:
        if self.bad_rows:
            return (
                f"{_count(self.bad_rows, 'row')} of {self.rows:,} in “{self.source}” "
                f"{'is' if self.bad_rows == 1 else 'are'} bad, so nothing was written."
            )
        verb = "would bring" if self.dry_run else "brought"
        new = ", ".join(told_count(*item) for item in self.created.items() if item[1])
        known = ", ".join(told_count(*item) for item in self.unchanged.items() if item[1])
        told = f"{_count(self.rows, 'row')} of “{self.source}” {verb} {new or 'nothing new'}."
        return f"{told} Already there: {known}." if known else told


def told_count(noun: str, count: int) -> str:
    """ "3 prompts", "1 criterion": a count with its noun, which is given in the plural."""
    if count != 1:
        return f"{count:,} {noun}"
    first, _, rest = noun.partition(" ")
    return f"1 {'criterion' if first == 'criteria' else first.removesuffix('s')} {rest}".strip()


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
