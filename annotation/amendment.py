"""Changing one's mind: a later judgment that supersedes one's own earlier one. Both are kept."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotation.constraints import violated
from annotation.errors import AmendmentRefused, KeyReused
from annotation.judgment_types import JudgmentForm
from annotation.models import Annotator, Judgment, ProjectState
from annotation.queue import STOPPED
from annotation.submission import Submission, form_of, keep, read_answer

GONE = _(
    "There is no such answer of yours, so nothing was changed. "
    "Your own answers are listed on your page."
)
REPLACED = _(
    "You have changed this answer already, and the later one stands. "
    "Reload the page to change that one."
)


UNCHANGED = _("Your earlier answer stands unchanged.")


def latest_of(annotator: Annotator) -> Judgment | None:
    """The annotator's newest standing judgment: what “reopen previous” reopens."""
    return (
        Judgment.objects.filter(annotator=annotator, superseded_by__isnull=True)
        .select_related("question__project", "question__rubric", "assignment")
        .order_by("-position")
        .first()
    )


def own_answer(annotator: Annotator, judgment_id: str) -> Judgment | None:
    """One of the annotator's standing judgments; None for anybody else's, or an unreadable id."""
    try:
        named = uuid.UUID(judgment_id)
    except ValueError:
        return None
    return (
        Judgment.objects.filter(annotator=annotator, superseded_by__isnull=True, public_id=named)
        .select_related("question__project", "question__rubric", "assignment")
        .first()
    )


def amendment_form(judgment: Judgment, data: Mapping[str, Any] | None = None) -> JudgmentForm:
    """The form of an earlier answer, on the same sides as then."""
    return form_of(judgment.question, sides_of(judgment), data)


def sides_of(judgment: Judgment) -> list[int]:
    shown: list[int] | None = judgment.shown_order
    return shown if shown is not None else list(range(judgment.question.placements.asked().count()))


def amend(
    *,
    annotator: Annotator,
    judgment_id: str,
    data: Mapping[str, Any],
    submission_key: str,
    source: str = "browser",
    phase: int | None = None,
    now: datetime | None = None,
) -> Submission:
    """Append a judgment that supersedes an earlier one by the same annotator.

    It inherits the earlier one's standing: an answer that was parked stays parked; and, unless
    given, its phase: what was said in hindsight stays said in hindsight. The same
    `submission_key` again returns the amendment already kept. Raises AmendmentRefused,
    InvalidAnswer, KeyReused; then nothing was saved.
    """
    now = now or timezone.now()
    try:
        with transaction.atomic():
            return _amend(annotator, judgment_id, data, submission_key, source, phase, now)
    except IntegrityError as error:
        if "submission_key" in violated(error):
            raise KeyReused from error
        if "supersedes" in violated(error):
            raise AmendmentRefused(REPLACED) from error
        raise


def _amend(
    annotator: Annotator,
    judgment_id: str,
    data: Mapping[str, Any],
    submission_key: str,
    source: str,
    phase: int | None,
    now: datetime,
) -> Submission:
    earlier = _own_judgment(annotator, judgment_id)
    later = Judgment.objects.filter(supersedes=earlier).first()
    if later is not None:
        if later.submission_key == submission_key:
            return Submission(later, repeated=True)
        raise AmendmentRefused(REPLACED)
    _refuse_unless_open(annotator)
    answer = read_answer(amendment_form(earlier, data), earlier.question)
    return Submission(
        keep(
            question=earlier.question,
            annotator=annotator,
            guideline=annotator.project.current_guideline(),
            shown_order=earlier.shown_order,
            submission_key=submission_key,
            supersedes=earlier,
            phase=earlier.phase if phase is None else phase,
            standing=earlier.standing,
            source=source,
            now=now,
            **answer,
        )
    )


def _own_judgment(annotator: Annotator, judgment_id: str) -> Judgment:
    try:
        return Judgment.objects.select_related("question__project", "question__rubric").get(
            public_id=judgment_id, annotator=annotator
        )
    except Judgment.DoesNotExist as error:
        raise AmendmentRefused(GONE) from error


def _refuse_unless_open(annotator: Annotator) -> None:
    sentence = STOPPED.get(ProjectState(annotator.project.state))
    if sentence:
        raise AmendmentRefused(f"{sentence} {UNCHANGED}")
