"""Adjudicating, remarking, and asking again: each adds a row and changes no judgment."""

import re
from collections.abc import Collection

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from annotation.access import REVIEWERS
from annotation.errors import AnnotationError
from annotation.models import (
    Adjudication,
    AnnotatorKind,
    Comment,
    ErrorCategory,
    Judgment,
    Project,
    Question,
    QuestionPurpose,
    QuestionState,
    Requeue,
    User,
)

MENTION = re.compile(r"(?<![\w@])@([\w.+-]{1,150})")
MOST_MORE = 100


class ReviewRefused(AnnotationError):
    """A verdict, remark or repetition that can't be; the sentence says why."""


def adjudicate(
    *,
    question: Question,
    reviewer: User,
    winner: Judgment | None,
    categories: Collection[str] = (),
    explanation: str = "",
) -> Adjudication:
    """Say which of a question's answers is right, or with no `winner` that none is.

    A later verdict stands in place of earlier ones; all are kept. Raises ReviewRefused. Verdicts of
    a project are given one after the other, so that all up to a key are known with it.
    """
    if winner is not None and winner.question_id != question.pk:
        raise ReviewRefused(_("That isn't an answer to this question. Nothing was decided."))
    unknown = set(categories) - set(ErrorCategory.values)
    if unknown:
        raise ReviewRefused(
            _("There is no category “%(name)s”. Nothing was decided.") % {"name": min(unknown)[:80]}
        )
    with transaction.atomic():
        _lock_verdicts(question.project_id)
        return Adjudication.objects.create(
            question=question,
            reviewer=reviewer,
            winner=winner,
            categories=sorted(set(categories)),
            explanation=explanation.strip(),
        )


def newest_adjudication(project: Project) -> int:
    """The key of the newest verdict in a project, 0 without any; none below it can come later."""
    with transaction.atomic():
        _lock_verdicts(project.pk)
        found = Adjudication.objects.filter(question__project=project).aggregate(newest=Max("pk"))
    return int(found["newest"] or 0)


def _lock_verdicts(project: int) -> None:
    Project.objects.select_for_update(no_key=True).only("pk").get(pk=project)


def standing_verdict(question: Question) -> Adjudication | None:
    """The newest adjudication of a question."""
    found = question.adjudications.select_related("winner__annotator", "reviewer")
    return found.order_by("-pk").first()


def comment(*, question: Question, author: User, text: str) -> Comment:
    """Keep a remark; `@name` calls another reviewer of the project. Raises ReviewRefused.

    Annotators can't be called: they don't see remarks, for these speak of others' answers.
    """
    text = text.strip()
    if not text:
        raise ReviewRefused(_("An empty remark was not kept. Write a sentence first."))
    names = set(MENTION.findall(text))
    names |= {name.rstrip(".") for name in names}  # “@olga.” at the end of a sentence
    called = User.objects.filter(
        username__in=names,
        memberships__project=question.project_id,
        memberships__role__in=REVIEWERS,
    ).exclude(pk=author.pk)
    with transaction.atomic():
        made = Comment.objects.create(question=question, author=author, text=text)
        made.mentioned.set(called)
    return made


def ask_again(*, question: Question, by: User, reason: str, more: int = 1) -> Requeue:
    """Open a question for `more` further people, with the reason kept. Raises ReviewRefused."""
    reason = reason.strip()
    if not reason:
        raise ReviewRefused(_("Say why the question is asked again. Nothing was changed."))
    if not 1 <= more <= MOST_MORE:
        raise ReviewRefused(
            _("Ask 1 to %(most)s further people. Nothing was changed.") % {"most": MOST_MORE}
        )
    with transaction.atomic():
        locked = Question.objects.select_for_update(no_key=True).get(pk=question.pk)
        if locked.purpose != QuestionPurpose.ORDINARY:
            raise ReviewRefused(
                _("This question checks annotators and asks for no number of people.")
            )
        if locked.state == QuestionState.WITHDRAWN:
            raise ReviewRefused(_("This question was withdrawn, so it isn't asked again."))
        taken = Judgment.objects.counted().filter(question=locked)
        before = locked.overlap
        # Whoever is still missing is waited for as before; the further people come on top.
        wanted = max(before, taken.exclude(annotator__kind=AnnotatorKind.MODEL).count()) + more
        if locked.overlap_most is not None:
            locked.overlap_most = max(locked.overlap_most, wanted)
        if locked.overlap_least is not None:
            locked.overlap_least = max(locked.overlap_least, wanted)
        locked.overlap, locked.state = wanted, QuestionState.OPEN
        locked.save(update_fields=["overlap", "overlap_most", "overlap_least", "state"])
        question.refresh_from_db(fields=["overlap", "overlap_most", "overlap_least", "state"])
        return Requeue.objects.create(
            question=question,
            asked_by=by,
            reason=reason,
            overlap_before=before,
            overlap_after=wanted,
        )
