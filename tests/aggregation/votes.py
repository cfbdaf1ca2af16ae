"""Judgments for the tests of runs and releases, kept as the log keeps them."""

from itertools import count
from typing import Any

from django.utils import timezone

from annotation.models import Annotator, AnnotatorKind, Judgment, Profile, Project, Question

_keys = count()


def person(project: Project, name: str, kind: str = AnnotatorKind.PERSON, **said: str) -> Annotator:
    """An annotator who declared `said` about themselves."""
    annotator, made = Annotator.objects.get_or_create(
        project=project, external_id=name, defaults={"kind": kind, "display_name": name.title()}
    )
    if made and said:
        Profile.objects.create(annotator=annotator, version=1, attributes=said)
    return annotator


def say(question: Question, annotator: Annotator, payload: dict[str, Any], **rest: Any) -> Judgment:
    return Judgment.objects.create(
        question=question,
        annotator=annotator,
        profile=annotator.current_profile(),
        judgment_type=question.judgment_type,
        payload=payload,
        submission_key=f"vote-{next(_keys)}",
        source="api",
        created_at=timezone.now(),
        **rest,
    )


def vote(question: Question, annotator: Annotator, strength: int, **rest: Any) -> Judgment:
    """A pairwise judgment: + for the first candidate, - for the second."""
    return say(question, annotator, {"strength": strength}, **rest)


def call_both_bad(question: Question, annotator: Annotator) -> Judgment:
    return say(question, annotator, {"strength": 0, "both_bad": True})
