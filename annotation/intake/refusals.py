"""Why a file or a row is refused. Pure."""

from typing import TYPE_CHECKING, NamedTuple

from annotation.errors import AnnotationError
from annotation.phrases import say

if TYPE_CHECKING:
    from annotation.intake.reports import ImportReport


class IntakeError(AnnotationError):
    """Base of the refusals of an import. Nothing was written."""


class UnreadableFile(IntakeError):
    """The file as a whole can't be read; the sentence says where and what to do."""


class BadMapping(IntakeError):
    """Fields and columns don't fit together; `problems` are the sentences."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(" ".join(problems))


class ImportBusy(IntakeError):
    """Another import into the same project is running."""

    def __init__(self) -> None:
        super().__init__(
            say(
                "Another import into this project is running. Nothing was written; wait "
                "until it has ended and start this one again."
            )
        )


class ImportRefused(IntakeError):
    """Rows are bad, so nothing was written. `report` lists them."""

    def __init__(self, report: "ImportReport") -> None:
        self.report = report
        super().__init__(str(report))


class Flaw(NamedTuple):
    """One thing wrong with one row. `line` counts from 1 as an editor does; `column` may be ""."""

    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        where = f"line {self.line}"
        return (
            f"{where}, {self.column}: {self.reason}" if self.column else f"{where}: {self.reason}"
        )


class BadCell(Exception):
    """A value that can't be taken. Raised by parsers, caught per row and told as a `Flaw`."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}")
