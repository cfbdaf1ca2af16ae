"""Questions with known answers: what each of them showed about people, and retiring one.

Only first answers are looked at: somebody who changed an answer may have been told the known one.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.catalogue import JUDGMENT_TYPES
from annotation.checking import agreement_with
from annotation.errors import InvalidQuestion
from annotation.judgment_types import JudgmentForm, WritesText
from annotation.models import (
    AssignmentPurpose,
    GoldAnswer,
    Judgment,
    Project,
    Question,
    QuestionPurpose,
    QuestionState,
)
from annotation.quality.shares import Share, share
from annotation.review.wording import in_words
from annotation.submission import asked_by

MOST_READ = 20_000  # newest answers that are looked at
MOST_OFFERED = 25
ALONE = {"reason": "off", "reason_words": 0, "confidence": "off", "prediction": "off"}


@dataclass(frozen=True, slots=True)
class GoldItem:
    """A known answer in words, and how people did: `agreement` over `answers` first answers."""

    question: Question
    known: GoldAnswer
    said: str
    answers: int
    wrong: int
    agreement: Share | None


@dataclass(frozen=True, slots=True)
class Tried:
    """Somebody's first answer to a gold question, and how far it agrees with the known one."""

    judgment: Judgment
    said: str
    agreement: float


def gold_items(project: Project) -> list[GoldItem]:
    """All known answers of a project: those in use first, then the retired, oldest first."""
    found = (
        GoldAnswer.objects.filter(question__project=project)
        .select_related("question__prompt", "question__rubric")
        .order_by("retired_at", "pk")
    )
    known = {each.question_id: each for each in found}
    scores: dict[int, list[float]] = defaultdict(list)
    for judgment in _first_answers(project)[:MOST_READ]:
        if judgment.question_id in known:
            scores[judgment.question_id].append(
                agreement_with(known[judgment.question_id], judgment.payload)
            )
    items = [_item(each, scores[each.question_id]) for each in known.values()]
    return sorted(items, key=lambda item: item.known.retired_at is not None)


def gold_item(question: Question) -> tuple[GoldItem, list[Tried]]:
    """One known answer and everybody's first answer to it, newest first."""
    known = question.gold_answer
    known.question = question
    criteria = _criteria(question)
    tried = [
        Tried(
            judgment,
            in_words(judgment.judgment_type, judgment.payload, criteria),
            agreement_with(known, judgment.payload),
        )
        for judgment in _first_answers(question.project)
        .filter(question=question)
        .select_related("annotator")[:MOST_READ]
    ]
    return _item(known, [each.agreement for each in tried]), tried


def may_become_gold(project: Project, *, containing: str = "") -> QuerySet[Question]:
    """Ordinary questions that nobody has judged, of kinds whose answers can be known."""
    writing = [slug for slug, kind in JUDGMENT_TYPES.items() if isinstance(kind, WritesText)]
    found = (
        Question.objects.filter(
            ~Exists(Judgment.objects.filter(question=OuterRef("pk"))),
            project=project,
            purpose=QuestionPurpose.ORDINARY,
            state=QuestionState.OPEN,
        )
        .exclude(judgment_type__in=writing)
        .select_related("prompt", "rubric", "project")
        .order_by("pk")
    )
    if containing:
        found = found.filter(
            Q(external_id__icontains=containing) | Q(prompt__html__icontains=containing)
        )
    return found


def expected_form(question: Question, data: Mapping[str, Any] | None = None) -> JudgmentForm:
    """The form annotators get, in the order of the placements, for the answer alone."""
    asked = asked_by(question)
    asked = replace(asked, options={**asked.options, **ALONE})
    kind = JUDGMENT_TYPES[question.judgment_type]
    return kind.form_class(data, asked=asked, shown=tuple(range(asked.candidates)))


def set_feedback(*, known: GoldAnswer, explanation: str, is_hidden: bool) -> GoldAnswer:
    """Say what annotators read afterwards, or that they aren't told. Answers stay judged alike."""
    known.explanation, known.is_hidden = explanation.strip(), is_hidden
    known.save(update_fields=["explanation", "is_hidden"])
    return known


def retire(*, question: Question, reason: str) -> GoldAnswer:
    """Check nobody with this question any more, and let answers to it say nothing of anybody.

    Warnings and pauses that it led to stay; whoever steers the project may end them. Raises
    InvalidQuestion for one that isn't gold or without a reason.
    """
    reason = reason.strip()
    if not reason:
        raise InvalidQuestion(_("Say why it is retired. Nothing was changed."))
    with transaction.atomic():
        locked = Question.objects.select_for_update(no_key=True).get(pk=question.pk)
        known = GoldAnswer.objects.filter(question=locked).first()
        if known is None:
            raise InvalidQuestion(_("This question has no known answer. Nothing was changed."))
        if known.retired_at is None:
            known.retired_at, known.retired_because = timezone.now(), reason
            known.save(update_fields=["retired_at", "retired_because"])
            locked.state = QuestionState.WITHDRAWN
            locked.save(update_fields=["state"])
            question.state = locked.state
    return known


def _first_answers(project: Project) -> QuerySet[Judgment]:
    return Judgment.objects.filter(
        question__project=project,
        assignment__purpose=AssignmentPurpose.GOLD,
        supersedes__isnull=True,
    ).order_by("-position")


def _item(known: GoldAnswer, scores: Sequence[float]) -> GoldItem:
    question = known.question
    return GoldItem(
        question,
        known,
        in_words(question.judgment_type, known.payload, _criteria(question)),
        len(scores),
        sum(score < 1 for score in scores),
        share(sum(scores), len(scores)),
    )


def _criteria(question: Question) -> dict[int, str]:
    rubric = question.rubric
    return dict(rubric.criteria.values_list("position", "text")) if rubric else {}
