"""Ending a question that has answers enough, or putting it to one more person, by the rules."""

from dataclasses import replace
from datetime import datetime

from annotation.assignment.agreement import Outcomes, outcomes
from annotation.assignment.rules import AssignmentRules
from annotation.assignment.stopping import Step, Stopping, next_step
from annotation.catalogue import JUDGMENT_TYPES
from annotation.models import (
    AnnotatorKind,
    Decision,
    DecisionKind,
    Judgment,
    Question,
    QuestionState,
)

MOST_PLACES = 64  # more candidates than any question shows


def rules_for(question: Question, rules: AssignmentRules) -> AssignmentRules:
    """The project's rules with the question's own limits of its overlap."""
    least = question.overlap_least or rules.overlap_least
    most = question.overlap_most or rules.overlap_most
    if not most:
        return replace(rules, overlap_least=0) if rules.overlap_least else rules
    return replace(rules, overlap_least=min(least or 1, most), overlap_most=most)


def outcomes_of(judgment_type: str, payload: dict[str, object]) -> Outcomes:
    evidence = JUDGMENT_TYPES[judgment_type].evidence(payload, range(MOST_PLACES))
    return outcomes(evidence)


def settle(question: Question, rules: AssignmentRules, now: datetime) -> Stopping:
    """Decide about a locked question after an answer, and log what wasn't the plain overlap."""
    answers = [outcomes_of(kind, payload) for kind, payload in _counted(question)]
    stopping = next_step(rules, answers, overlap=question.overlap)
    if question.state != QuestionState.OPEN or stopping.step == Step.WAIT:
        return stopping
    if stopping.step == Step.ENOUGH:
        question.state = QuestionState.ANSWERED
        if len(answers) < question.overlap:
            _log(question, DecisionKind.STOPPED_EARLY, stopping, len(answers), now)
    else:
        question.overlap += 1
        _log(question, DecisionKind.ASKED_MORE, stopping, len(answers), now)
    question.save(update_fields=["state", "overlap"])
    return stopping


def _counted(question: Question) -> list[tuple[str, dict[str, object]]]:
    judgments = Judgment.objects.counted().filter(question=question)
    judgments = judgments.exclude(annotator__kind=AnnotatorKind.MODEL).order_by("position")
    return list(judgments.values_list("judgment_type", "payload"))


def _log(
    question: Question, kind: DecisionKind, stopping: Stopping, answers: int, now: datetime
) -> None:
    Decision.objects.create(
        project_id=question.project_id,
        question=question,
        kind=kind,
        measured={
            "certainty": round(stopping.certainty, 6),
            "answers": answers,
            "overlap": question.overlap,
        },
        created_at=now,
    )
