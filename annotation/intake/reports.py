"""What an import did or would do, and how far it is. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from annotation.intake.refusals import Flaw
from annotation.phrases import say


class Progress(NamedTuple):
    """How far an import is. `stage` is reading (bytes), checking (steps), rendering (texts) or
    writing (rows); `rows` is how many rows have been read so far.
    """

    stage: str
    done: int
    total: int
    rows: int


NOUNS = (  # what an import brings
    ("prompts", "prompt"),
    ("candidates", "candidate"),
    ("questions", "question"),
    ("criteria", "criterion"),
    ("rubrics", "rubric"),
    ("annotators", "annotator"),
    ("judgments", "judgment"),
    ("questions answered", "question answered"),
)
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
            return self._refused()
        told = self._brought()
        known = ", ".join(told_count(*item) for item in self.unchanged.items() if item[1])
        return f"{told} {say('Already there: %(what_list)s.', what_list=known)}" if known else told

    def _refused(self) -> str:
        counts = {"n": f"{self.bad_rows:,}", "n_all": f"{self.rows:,}", "source": self.source}
        if self.bad_rows == 1:
            return say(
                "%(n)s row of %(n_all)s in “%(source)s” is bad, so nothing was written.", **counts
            )
        return say(
            "%(n)s rows of %(n_all)s in “%(source)s” are bad, so nothing was written.", **counts
        )

    def _brought(self) -> str:
        new = ", ".join(told_count(*item) for item in self.created.items() if item[1])
        values = {
            "n": f"{self.rows:,}",
            "source": self.source,
            "what_list": new or say("nothing new"),
        }
        if self.dry_run and self.rows == 1:
            return say("%(n)s row of “%(source)s” would bring %(what_list)s.", **values)
        if self.dry_run:
            return say("%(n)s rows of “%(source)s” would bring %(what_list)s.", **values)
        if self.rows == 1:
            return say("%(n)s row of “%(source)s” brought %(what_list)s.", **values)
        return say("%(n)s rows of “%(source)s” brought %(what_list)s.", **values)


def told_count(noun: str, count: int) -> str:
    """ "3 prompts", "1 criterion": a count with its noun, which is given in the plural."""
    if count != 1:
        return f"{count:,} {noun}"
    first, _, rest = noun.partition(" ")
    return f"1 {'criterion' if first == 'criteria' else first.removesuffix('s')} {rest}".strip()
