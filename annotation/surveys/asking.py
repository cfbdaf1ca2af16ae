"""Setting a survey, and answering or skipping it."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from annotation.declaring import declare
from annotation.models import Annotator, Project, Survey, SurveyReply, User
from annotation.surveys.questions import SurveyQuestion, read_questions


def set_survey(
    *,
    project: Project,
    by: User,
    items: Sequence[Mapping[str, Any]],
    introduction: str = "",
    required: bool = False,
) -> Survey:
    """A new version of the survey; the same again stays the version it is. Raises SurveyRefused.

    With no items nothing is asked from now on. Whoever answered an earlier version is asked again,
    with their earlier answers filled in.
    """
    plain = [question.to_plain() for question in read_questions(items)]
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        current = current_survey(project)
        wanted = (plain, introduction.strip(), required)
        if current and (current.items, current.introduction, current.required) == wanted:
            return current
        return Survey.objects.create(
            project=project,
            version=current.version + 1 if current else 1,
            items=plain,
            introduction=introduction.strip(),
            required=required,
            created_by=by,
        )


def current_survey(project: Project) -> Survey | None:
    return project.surveys.order_by("-version").first()


def questions_of(survey: Survey) -> list[SurveyQuestion]:
    return read_questions(survey.items)


def due(annotator: Annotator) -> Survey | None:
    """The survey that must be answered or skipped before this annotator judges, if any."""
    survey = current_survey(annotator.project)
    if survey is None or not survey.required or not survey.items:
        return None
    return None if survey.replies.filter(annotator=annotator).exists() else survey


def answer(*, survey: Survey, annotator: Annotator, answers: Mapping[str, Any]) -> SurveyReply:
    """Keep what somebody says of themselves as a version of their profile.

    `answers` maps names to cleaned values; a question without an answer takes its attribute away.
    What the survey doesn't ask, such as a group from an invitation, stays.
    """
    with transaction.atomic():
        current = annotator.current_profile()
        attributes = dict(current.attributes) if current else {}
        for question in questions_of(survey):
            value = question.attribute(answers.get(question.name))
            if value is None:
                attributes.pop(question.name, None)
            else:
                attributes[question.name] = value
        profile = declare(annotator=annotator, attributes=attributes)
        return SurveyReply.objects.create(survey=survey, annotator=annotator, profile=profile)


def skip(*, survey: Survey, annotator: Annotator) -> SurveyReply:
    """Judge without saying anything of oneself."""
    return SurveyReply.objects.create(survey=survey, annotator=annotator)
