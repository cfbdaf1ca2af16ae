"""From rows to what a study sees, and what it was given when it was asked for."""

from collections.abc import Sequence
from typing import Any

from annotation.models import Candidate, Placement, Project, Prompt, Question
from models_runtime import studies
from models_runtime.generating import conversation_of
from models_runtime.judge_trials import people_of
from models_runtime.models import Checkpoint, StudyJob

MOST_REFERENCES = 5


def pairs_with_a_winner(project: Project, *, most: int) -> list[tuple[int, int]]:
    """(question, place that most people prefer) of pairs on which people have a majority, those
    that most have answered first."""
    votes: dict[int, list[int]] = {}
    rows = people_of(project).filter(judgment_type="pairwise", question__project=project)
    for question, payload in rows.values_list("question_id", "payload"):
        strength = payload["strength"]
        votes.setdefault(question, []).append((strength > 0) - (strength < 0))
    found = [
        (question, 0 if sum(signs) > 0 else 1, len(signs))
        for question, signs in votes.items()
        if sum(signs) != 0
    ]
    found.sort(key=lambda each: (-each[2], each[0]))
    return [(question, winner) for question, winner, _ in found[:most]]


def prompts_of(project: Project, *, most: int) -> list[int]:
    """The project's first prompts."""
    rows = Prompt.objects.filter(project=project).order_by("id")
    return list(rows.values_list("id", flat=True)[:most])


def material_of(job: StudyJob) -> studies.Material:
    """What the job was given, with the texts as they stand (content is never changed)."""
    return read_material(job.material, seed=job.seed, seated=job.seated())


def read_material(
    told: dict[str, Any], *, seed: int, seated: dict[str, Checkpoint]
) -> studies.Material:
    return studies.Material(
        secret=str(seed),
        pairs=_pairs(told.get("pairs", [])),
        prompts=_prompts(told.get("prompts", [])),
        members=tuple(
            studies.Member(seat, checkpoint.label, checkpoint.family)
            for seat, checkpoint in seated.items()
        ),
    )


def _pairs(told: Sequence[Sequence[int]]) -> tuple[studies.Pair, ...]:
    ids = [question for question, _ in told]
    questions = Question.objects.select_related("prompt").in_bulk(ids)
    texts: dict[int, list[str]] = {}
    placed = Placement.objects.filter(question__in=ids).order_by("question", "position")
    for question, text in placed.values_list("question_id", "candidate__text"):
        texts.setdefault(question, []).append(text)
    return tuple(
        studies.Pair(
            key=questions[pk].prompt.content_hash[:12] + f"-{place}",
            conversation=conversation_of(questions[pk].prompt),
            texts=(texts[pk][0], texts[pk][1]),
            winner=winner,
        )
        for place, (pk, winner) in enumerate(told)
        if pk in questions and len(texts.get(pk, ())) == 2
    )


def _prompts(ids: Sequence[int]) -> tuple[studies.Prompt, ...]:
    rows = Prompt.objects.in_bulk(ids)
    references: dict[int, list[str]] = {}
    known = Candidate.objects.filter(prompt__in=ids).order_by("id").values_list("prompt_id", "text")
    for prompt, text in known:
        references.setdefault(prompt, []).append(text)
    return tuple(
        studies.Prompt(
            key=rows[pk].content_hash[:12] + f"-{place}",
            conversation=conversation_of(rows[pk]),
            references=tuple(references.get(pk, ())[:MOST_REFERENCES]),
        )
        for place, pk in enumerate(ids)
        if pk in rows
    )
