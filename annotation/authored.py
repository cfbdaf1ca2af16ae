"""Texts that judgments write, such as rewrites: each becomes a candidate with a place of its own.

The new candidate is placed in the question after those that were asked about, so that the
judgment's evidence can name it. It has no system: its author is the judgment's annotator.
"""

from functools import cache

from django.db.models import Max

from annotation.catalogue import JUDGMENT_TYPES
from annotation.content import add_candidate
from annotation.judgment_types import Payload, WritesText
from annotation.models import Judgment, Placement, Question
from annotation.seats import lock_question


def with_place(question: Question, payload: Payload) -> Payload:
    """The payload with the place its text will have; any other payload as it is.

    Locks the question until the transaction ends, so that places are given one after the other.
    """
    judgment_type = _writer(question.judgment_type)
    if judgment_type is None:
        return payload
    lock_question(question.pk)
    placed = Placement.objects.filter(question=question)
    text = judgment_type.text_of(payload)
    candidate = add_candidate(prompt=question.prompt, text=text)
    there = placed.filter(candidate=candidate, written_in__isnull=False).first()
    if there is not None:
        return judgment_type.placed(payload, there.position)
    last = placed.aggregate(last=Max("position"))["last"]
    return judgment_type.placed(payload, last + 1)


def place_written(judgment: Judgment) -> None:
    """Place the candidate that a kept judgment wrote, unless the same text was placed before."""
    judgment_type = _writer(judgment.judgment_type)
    if judgment_type is None:
        return
    Placement.objects.get_or_create(
        question=judgment.question,
        candidate=add_candidate(
            prompt=judgment.question.prompt, text=judgment_type.text_of(judgment.payload)
        ),
        defaults={"position": judgment.payload["written"], "written_in": judgment},
    )


@cache
def _writer(slug: str) -> WritesText | None:
    """The judgment type if it writes texts; kept, for asking a protocol each time is dear."""
    judgment_type = JUDGMENT_TYPES[slug]
    return judgment_type if isinstance(judgment_type, WritesText) else None
