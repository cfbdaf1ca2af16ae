"""What an annotator is shown of a question: the texts in their order, never who wrote them."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from annotation.catalogue import template_of
from annotation.judgment_types import JudgmentForm
from annotation.models import Annotator, Assignment, Placement, Prompt
from annotation.submission import form_for


@dataclass(frozen=True, slots=True)
class Response:
    """One response as it stands on the screen: `letter` and `place` by its order, not its row."""

    place: int
    letter: str
    html: str


@dataclass(frozen=True, slots=True)
class Showing:
    """One question on one person's screen, with the form that answers it.

    `submission_key` is new for each showing and travels with the answer, so that a click that
    arrives twice is one judgment.
    """

    assignment_id: str
    submission_key: str
    prompt_html: str
    responses: tuple[Response, ...]
    form: JudgmentForm
    template: str
    lease_seconds: int
    reason_required: bool


def show(
    assignment: Assignment,
    *,
    data: Mapping[str, Any] | None = None,
    submission_key: str | None = None,
) -> Showing:
    """The showing of an assignment; with `data` its form carries what was typed and its errors.

    Reads the rendered texts and nothing else of prompt and candidates, so no name can slip in.
    """
    question = assignment.question
    by_position = dict(
        Placement.objects.filter(question=question).values_list("position", "candidate__html")
    )
    return Showing(
        assignment_id=str(assignment.public_id),
        submission_key=submission_key or uuid.uuid4().hex,
        prompt_html=Prompt.objects.values_list("html", flat=True).get(pk=question.prompt_id),
        responses=tuple(
            Response(place, "ABCDEFGHIJ"[place], by_position[position])
            for place, position in enumerate(assignment.shown_order)
        ),
        form=form_for(assignment, data),
        template=template_of(question.judgment_type),
        lease_seconds=question.project.lease_seconds,
        reason_required=question.project.options.get("reason") == "required",
    )


def show_again(
    annotator: Annotator, assignment_id: str, *, data: Mapping[str, Any], submission_key: str
) -> Showing:
    """The showing of an answer with errors: everything typed, and the key it came with.

    Not a new exposure: the person never looked away.
    """
    assignment = Assignment.objects.select_related("question__project", "question__rubric").get(
        public_id=assignment_id, annotator=annotator
    )
    return show(assignment, data=data, submission_key=submission_key)
