"""What rows turn into: records, one class per temporary table they are staged in. Pure.

`line` is where a record comes from. A `mention` may be repeated (every pair repeats its prompt); a
record that isn't one declares its noun, and declaring an id twice is an error.
"""

from datetime import datetime
from typing import NamedTuple


class PromptRecord(NamedTuple):
    """`messages` is JSON text."""

    line: int
    mention: bool
    external_id: str
    messages: str
    content_hash: str


class CandidateRecord(NamedTuple):
    """`prompt` is the prompt's external id."""

    line: int
    mention: bool
    prompt: str
    external_id: str
    system: str | None
    family: str | None
    body: str
    content_hash: str


class QuestionRecord(NamedTuple):
    """`candidates` are external ids in placement order; `rubric` says whether one is needed.

    `consequences`, if any, say what came of following each candidate, in the same order.
    """

    line: int
    mention: bool
    external_id: str
    prompt: str
    candidates: list[str]
    judgment_type: str
    overlap: int | None
    priority: float | None
    rubric: bool
    consequences: list[str] | None = None


class CriterionRecord(NamedTuple):
    """`prompt` is None for a rubric of the whole project; `anchors` is JSON text."""

    line: int
    rubric: str
    version: int
    prompt: str | None
    external_id: str | None
    position: int | None
    body: str
    explanation: str
    kind: str
    weight: float
    anchors: str


class AnnotatorRecord(NamedTuple):
    """`attributes` is JSON text, None where none were given."""

    line: int
    external_id: str
    kind: str | None
    display_name: str | None
    attributes: str | None


class JudgmentRecord(NamedTuple):
    """A comparison. `strength` is positive when the row's first response is better.

    Candidates' ids or systems, where the row has them, tell which of the question's two places is
    the row's A; where it is the second, the sign is turned. `prompt` is only checked.
    """

    line: int
    external_id: str | None
    question: str
    annotator: str
    strength: int
    both_bad: bool
    swapped: bool | None
    prompt: str | None
    candidate_a: str | None
    candidate_b: str | None
    system_a: str | None
    system_b: str | None
    reason: str
    confidence: float | None
    prediction: float | None
    elapsed_ms: int | None
    judged_at: datetime | None


class AnswerRecord(NamedTuple):
    """One answer to one criterion; a judgment is all answers of one annotator to one question.

    `candidate` tells the place by the candidate's id or its system, None where there is only one.
    """

    line: int
    external_id: str | None
    question: str
    annotator: str
    candidate: str | None
    criterion: str
    answer: str
    reason: str
    confidence: float | None
    prediction: float | None
    elapsed_ms: int | None
    judged_at: datetime | None


class RatingRecord(NamedTuple):
    """One rating on one criterion; a judgment is all of an annotator's about one question.

    `candidate` is as in `AnswerRecord`.
    """

    line: int
    external_id: str | None
    question: str
    annotator: str
    candidate: str | None
    criterion: str
    value: float
    reason: str
    confidence: float | None
    prediction: float | None
    elapsed_ms: int | None
    judged_at: datetime | None


class RankingRecord(NamedTuple):
    """A ranking; `tiers` is JSON: lists of candidates' ids or systems, best first."""

    line: int
    external_id: str | None
    question: str
    annotator: str
    tiers: str
    reason: str
    confidence: float | None
    prediction: float | None
    elapsed_ms: int | None
    judged_at: datetime | None


Record = (
    PromptRecord
    | CandidateRecord
    | QuestionRecord
    | CriterionRecord
    | AnnotatorRecord
    | JudgmentRecord
    | AnswerRecord
    | RatingRecord
    | RankingRecord
)
