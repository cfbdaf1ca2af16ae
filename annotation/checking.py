"""Checks of annotators: known answers, one's own answers again, and the qualification."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from annotation.assignment.agreement import agreement
from annotation.assignment.rules import AssignmentRules
from annotation.models import (
    Annotator,
    AssignmentPurpose,
    Decision,
    DecisionKind,
    GoldAnswer,
    Judgment,
    Question,
    QuestionPurpose,
)
from annotation.settling import outcomes_of

QUALIFICATION_OVER = (DecisionKind.QUALIFIED, DecisionKind.FAILED_QUALIFICATION)


def must_qualify(annotator: Annotator, rules: AssignmentRules) -> bool:
    """Whether the annotator's first questions are still those of the qualification."""
    if not rules.qualification_questions:
        return False
    return not Decision.objects.filter(annotator=annotator, kind__in=QUALIFICATION_OVER).exists()


def qualification_scores(annotator: Annotator) -> list[float]:
    """Agreement with the known answers of the qualification, newest first."""
    return _gold_scores(annotator, QuestionPurpose.QUALIFICATION)


def gold_scores(annotator: Annotator, *, since: datetime | None, most: int) -> list[float]:
    """Agreement with known answers given after `since`, newest first."""
    return _gold_scores(annotator, QuestionPurpose.GOLD, since=since, most=most)


def _gold_scores(
    annotator: Annotator,
    purpose: QuestionPurpose,
    *,
    since: datetime | None = None,
    most: int | None = None,
) -> list[float]:
    judgments = Judgment.objects.filter(
        annotator=annotator,
        assignment__purpose=AssignmentPurpose.GOLD,
        question__purpose=purpose,
        question__gold_answer__retired_at__isnull=True,
    ).select_related("question__gold_answer")
    if since is not None:
        judgments = judgments.filter(created_at__gt=since)
    return [
        agreement_with(judgment.question.gold_answer, judgment.payload)
        for judgment in judgments.order_by("-position")[:most]
    ]


def agreement_with(known: GoldAnswer, payload: Mapping[str, Any]) -> float:
    """The share of things asked on which an answer and the known one agree."""
    kind = known.question.judgment_type
    return agreement(outcomes_of(kind, dict(payload)), outcomes_of(kind, known.payload))


def repeat_scores(annotator: Annotator, *, since: datetime | None, most: int) -> list[float]:
    """Agreement of repeated answers with the first ones, newest first."""
    repeated = Judgment.objects.filter(
        annotator=annotator, assignment__purpose=AssignmentPurpose.REPEAT
    )
    if since is not None:
        repeated = repeated.filter(created_at__gt=since)
    scores = []
    for again in repeated.order_by("-position")[:most]:
        first = Judgment.objects.filter(
            annotator=annotator,
            question=again.question_id,
            assignment__purpose=AssignmentPurpose.ORDINARY,
        ).earliest("position")
        kind = again.judgment_type
        scores.append(agreement(outcomes_of(kind, again.payload), outcomes_of(kind, first.payload)))
    return scores


def feedback(question: Question, payload: Mapping[str, Any], rules: AssignmentRules) -> str:
    """What the annotator is told after a check, "" where checks stay hidden."""
    known = question.gold_answer
    if not rules.gold_feedback or known.is_hidden or known.retired_at is not None:
        return ""
    if agreement_with(known, payload) == 1:
        verdict = _("This question was a check, and you answered it as expected.")
    else:
        verdict = _("This question was a check, and another answer was expected.")
    return f"{verdict} {known.explanation}".strip()
