"""What an annotator is shown of a question: the texts in their order, never who wrote them."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from annotation import hindsight
from annotation.amendment import amendment_form, sides_of
from annotation.catalogue import JUDGMENT_TYPES, template_of
from annotation.images import embed
from annotation.judgment_types import JudgmentForm
from annotation.models import Annotator, Assignment, Judgment, Placement, Prompt, Question
from annotation.rendering import render_markdown
from annotation.steps import percent_of
from annotation.submission import form_for


@dataclass(frozen=True, slots=True)
class Response:
    """One response as it stands on the screen: `letter` and `place` by its order, not its row.

    `consequence` is the rendered HTML of what came of it, shown in hindsight only.
    """

    place: int
    letter: str
    html: str
    consequence: str = ""


@dataclass(frozen=True, slots=True)
class Showing:
    """One question on one person's screen, with the form that answers it.

    `handle` is the public id of the assignment to answer or, with `reopened` or `in_hindsight`, of
    the judgment to change. `submission_key` is new for each showing and travels with the answer, so
    that a click that arrives twice is one judgment.
    """

    handle: str
    reopened: bool
    submission_key: str
    prompt_html: str
    responses: tuple[Response, ...]
    form: JudgmentForm
    template: str
    lease_seconds: int
    in_hindsight: bool = False


def show(
    assignment: Assignment,
    *,
    data: Mapping[str, Any] | None = None,
    submission_key: str | None = None,
) -> Showing:
    """The showing of an assignment; with `data` its form carries what was typed and its errors."""
    return _showing(
        assignment.question,
        assignment.shown_order,
        handle=str(assignment.public_id),
        reopened=False,
        submission_key=submission_key or uuid.uuid4().hex,
        form=form_for(assignment, data),
    )


def reopen(
    judgment: Judgment,
    *,
    data: Mapping[str, Any] | None = None,
    submission_key: str | None = None,
) -> Showing:
    """An earlier answer on the sides it was given, its form filled with it, to be changed."""
    shown = sides_of(judgment)
    form = amendment_form(judgment, data)
    said = JUDGMENT_TYPES[judgment.judgment_type].form_data(judgment.payload, shown)
    form.initial = said | {
        "reason": judgment.reason,
        "confidence": "" if judgment.confidence is None else f"{judgment.confidence:g}",
        "others": percent_of(judgment.prediction),
    }
    return _showing(
        judgment.question,
        shown,
        handle=str(judgment.public_id),
        reopened=True,
        submission_key=submission_key or uuid.uuid4().hex,
        form=form,
    )


def look_back(
    judgment: Judgment,
    *,
    data: Mapping[str, Any] | None = None,
    submission_key: str | None = None,
) -> Showing:
    """The question again on the same sides with what came of the responses; nothing is chosen."""
    return _showing(
        judgment.question,
        sides_of(judgment),
        consequences=hindsight.consequences(judgment),
        handle=str(judgment.public_id),
        reopened=False,
        in_hindsight=True,
        submission_key=submission_key or uuid.uuid4().hex,
        form=amendment_form(judgment, data),
    )


def show_expected(question: Question, form: JudgmentForm) -> Showing:
    """The question with its responses in the order of their places, to say what is expected."""
    return _showing(question, form.shown, handle="", reopened=True, submission_key="", form=form)


def _showing(
    question: Question,
    shown: Sequence[int],
    *,
    consequences: Mapping[int, str] | None = None,
    **fields: Any,
) -> Showing:
    """Reads the rendered texts and nothing else of prompt and candidates: no name can slip in."""
    project = question.project
    by_position = dict(
        Placement.objects.filter(question=question).values_list("position", "candidate__html")
    )
    return Showing(
        prompt_html=embed(
            Prompt.objects.values_list("html", flat=True).get(pk=question.prompt_id), project
        ),
        responses=tuple(
            Response(
                place,
                "ABCDEFGHIJ"[place],
                embed(by_position[position], project),
                render_markdown((consequences or {}).get(position, "")),
            )
            for place, position in enumerate(shown)
        ),
        template=template_of(question.judgment_type),
        lease_seconds=project.lease_seconds,
        **fields,
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
