"""Steering who gets what: a project's rules, reservations, groups, skills and known answers."""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction

from annotation.assignment.rules import AssignmentRules, RulesRefused
from annotation.catalogue import JUDGMENT_TYPES
from annotation.errors import InvalidAnswer, InvalidQuestion
from annotation.models import (
    Annotator,
    GoldAnswer,
    Judgment,
    Project,
    Question,
    QuestionPurpose,
    Reservation,
    Skill,
)
from annotation.submission import asked_by

SETTINGS = "assignment"  # the key among a project's options


def set_rules(*, project: Project, settings: Mapping[str, Any]) -> AssignmentRules:
    """Replace a project's rules of assignment. Raises InvalidAnswer with a sentence per setting."""
    try:
        rules = AssignmentRules.of(settings)
    except RulesRefused as error:
        raise InvalidAnswer({name: [text] for name, text in error.errors.items()}) from error
    with transaction.atomic():
        locked = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        locked.options = locked.options | {SETTINGS: rules.as_settings()}
        locked.save(update_fields=["options"])
    project.options = locked.options
    return rules


def reserve(*, question: Question, annotators: Collection[Annotator]) -> None:
    """Give a question to these annotators and nobody else; to everybody again if there are none.

    Leases and answers that others have already are left alone. Raises InvalidQuestion.
    """
    if any(annotator.project_id != question.project_id for annotator in annotators):
        raise InvalidQuestion("A question is reserved for annotators of its own project.")
    with transaction.atomic():
        Question.objects.select_for_update(no_key=True).get(pk=question.pk)
        question.reservations.exclude(annotator__in=annotators).delete()
        Reservation.objects.bulk_create(
            [Reservation(question=question, annotator=annotator) for annotator in annotators],
            ignore_conflicts=True,
        )


def restrict(*, question: Question, group: str | None = None, skill: str | None = None) -> Question:
    """Say which group and which skill a question is for; "" is for everybody, None as it was."""
    if group is not None:
        question.for_group = group.strip()
    if skill is not None:
        question.for_skill = skill.strip()
    question.save(update_fields=["for_group", "for_skill"])
    return question


def set_skills(*, annotator: Annotator, names: Collection[str]) -> None:
    """Say what an annotator can do, instead of what was said before."""
    wanted = {name.strip() for name in names if name.strip()}
    with transaction.atomic():
        annotator.skills.exclude(name__in=wanted).delete()
        Skill.objects.bulk_create(
            [Skill(annotator=annotator, name=name) for name in sorted(wanted)],
            ignore_conflicts=True,
        )


def make_check(
    *,
    question: Question,
    payload: Mapping[str, Any],
    explanation: str = "",
    is_hidden: bool = False,
    qualifies: bool = False,
) -> GoldAnswer:
    """Turn a question without judgments into a check with a known answer.

    `payload` is canonical (placement positions); with `qualifies` newcomers get it first; with
    `is_hidden` nobody is told afterwards, whatever the project tells. Again
    with another answer replaces the known one while nobody has been asked. Raises InvalidQuestion,
    InvalidPayload.
    """
    JUDGMENT_TYPES[question.judgment_type].check(dict(payload), asked_by(question))
    with transaction.atomic():
        locked = Question.objects.select_for_update(no_key=True).get(pk=question.pk)
        if Judgment.objects.filter(question=locked).exists():
            raise InvalidQuestion(
                "Somebody has judged this question already, so it can't become a check. "
                "Ask the same candidates in a new question."
            )
        purpose = QuestionPurpose.QUALIFICATION if qualifies else QuestionPurpose.GOLD
        locked.purpose = question.purpose = purpose
        locked.save(update_fields=["purpose"])
        answer, _ = GoldAnswer.objects.update_or_create(
            question=locked,
            defaults={
                "payload": dict(payload),
                "explanation": explanation,
                "is_hidden": is_hidden,
            },
        )
    return answer
