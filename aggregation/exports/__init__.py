"""Export formats: one file each, found by walking this folder; the file name is the slug. Pure.

An export declares its `fields` and yields `rows` from a frozen snapshot. Files, hashes, data card
and download follow from that.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from aggregation.curation import Curation, Ledger
from annotation.evidence import Evidence

Row = dict[str, Any]
FieldType = Literal[
    "string", "integer", "number", "boolean", "strings", "integers", "messages", "json"
]


@dataclass(frozen=True, slots=True)
class Field:
    """One column. "messages" is a list of {role, content}; "json" any value, text in Parquet."""

    name: str
    type: FieldType
    meaning: str
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class ExportedCandidate:
    external_id: str
    text: str
    system: str | None


@dataclass(frozen=True, slots=True)
class ExportedJudgment:
    """A judgment without the person: a pseudonym, and only what the curation lets through.

    `evidence` names candidates by their place in the question. `group` is the declared group by
    which the release separates verdicts ("all" without one, None when withheld); `attributes` are
    None when not asked for or withheld. `foresight` is the payload of the same annotator's first
    answer where this one, of `phase` 2, was given in hindsight.
    """

    position: int
    public_id: str
    annotator: str
    annotator_kind: str
    judgment_type: str
    payload: Mapping[str, Any]
    evidence: tuple[Evidence, ...]
    shown_order: tuple[int, ...] | None
    confidence: float | None
    elapsed_ms: int | None
    reason: str | None
    attributes: Mapping[str, str] | None
    group: str | None
    source: str
    day: str
    prediction: Mapping[str, float] | None = None
    phase: int = 1
    foresight: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ExportedVerdict:
    """A reviewer's verdict on a question: the `position` in the log of the answer that is right.

    None is right where `position` is null. `categories` say why answers differ; `decides` whether
    this release lets the verdict stand for the votes.
    """

    position: int | None
    categories: tuple[str, ...]
    decides: bool = False


@dataclass(frozen=True, slots=True)
class ExportedQuestion:
    """A judged question; `verdict` is the reviewers' newest that the release knows of."""

    external_id: str
    prompt_external_id: str
    messages: tuple[Mapping[str, str], ...]
    candidates: tuple[ExportedCandidate, ...]
    judgments: tuple[ExportedJudgment, ...]
    verdict: ExportedVerdict | None = None

    def adjudicated(self) -> ExportedJudgment | None:
        """The answer that decides alone by a reviewer's verdict; None where the votes decide."""
        if self.verdict is None or not self.verdict.decides:
            return None
        named = self.verdict.position
        return next((each for each in self.judgments if each.position == named), None)

    def none_is_right(self) -> bool:
        """Whether a verdict that decides says so."""
        return self.verdict is not None and self.verdict.decides and self.verdict.position is None


class Frozen(Protocol):
    """What an export reads: the same questions in the same order, however often it asks."""

    @property
    def curation(self) -> Curation: ...

    @property
    def ledger(self) -> Ledger:
        """Where an export notes what it leaves out, under its own slug."""

    def questions(self) -> Iterator[ExportedQuestion]:
        """Judged questions with the judgments that count, both in a fixed order."""


class Export(Protocol):
    """The protocol of an export. See `raw_judgments` for a short example."""

    slug: str
    title: str
    description: str
    fields: tuple[Field, ...]
    loading: str

    def rows(self, snapshot: Frozen) -> Iterator[Row]:
        """Rows with exactly the declared fields, in a fixed order."""

    def about(self, row: Row) -> str:
        """What a row is about, whatever it says of it: the same in later releases."""
