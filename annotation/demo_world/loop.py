"""The annotation side of the demo loop: a fresh project, a file to import, questions, judgments.

Unlike seeding, which writes rows in bulk, this goes through the acts that files, people and models
go through, one by one.
"""

import itertools
import json
import random
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from annotation.demo_world.content import (
    Qualities,
    demo_prompts,
    guideline_text,
)
from annotation.demo_world.people import SimulatedPerson, simulated_people
from annotation.demo_world.seeding import OWNER, SEED, demo_account
from annotation.demo_world.simulation import choose
from annotation.demo_world.voices import VOICES, planted_in
from annotation.demo_world.writing import FAMILY, SIMULATED
from annotation.models import (
    Annotator,
    AnnotatorKind,
    Candidate,
    Placement,
    Profile,
    Project,
    ProjectState,
    Question,
    QuestionState,
)
from annotation.projects import create_project
from annotation.submission import record

SLUG, NAME = "demo-loop", "Everyday advice: the whole loop"
PROMPTS = 8
OVERLAP = 4
DESCRIPTION = (
    "Made by `./polyphony demo --once`: invented prompts and answers are imported, two scripted "
    "checkpoints write more, a scripted judge and simulated people compare them. Nothing here is "
    "by a person or a real model."
)


def open_loop_project() -> Project:
    """A new open project for one passage through the loop, numbered after those before."""
    numbers = (
        int(number) if number else 1
        for slug in Project.objects.filter(slug__startswith=SLUG).values_list("slug", flat=True)
        for number in [slug.removeprefix(SLUG).removeprefix("-")]
        if number.isdigit() or not number
    )
    number = max(numbers, default=0) + 1
    return create_project(
        owner=demo_account(OWNER),
        guideline=guideline_text("pairwise"),
        slug=SLUG if number == 1 else f"{SLUG}-{number}",
        name=NAME if number == 1 else f"{NAME} ({number})",
        description=DESCRIPTION,
        state=ProjectState.OPEN,
        judgment_type="pairwise",
        overlap=OVERLAP,
        seed=SEED,
        is_simulated=True,
    )


def write_import_file(path: Path) -> None:
    """The prompts of the loop with their written answers, as JSON lines: one answer a line."""
    with path.open("w", encoding="utf-8") as file:
        for row in _rows():
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _rows() -> Iterator[dict[str, Any]]:
    for prompt in demo_prompts()[:PROMPTS]:
        for answer in prompt.answers:
            yield {
                "prompt_id": prompt.external_id,
                "prompt_text": prompt.text,
                "candidate_id": answer.external_id,
                "response": answer.text,
                "system": answer.system,
                "family": FAMILY,
            }


def rows_to_ask(project: Project) -> Iterator[dict[str, Any]]:
    """Every pair of every prompt's candidates, as rows of an import of pairs."""
    prompts = project.prompts.prefetch_related("candidates__system").order_by("external_id")
    for prompt in prompts:
        for first, second in itertools.combinations(prompt.candidates.all(), 2):
            yield {
                "prompt_id": prompt.external_id,
                "candidate_a_id": first.external_id,
                "response_a": first.text,
                "system_a": first.system.name if first.system else None,
                "candidate_b_id": second.external_id,
                "response_b": second.text,
                "system_b": second.system.name if second.system else None,
            }


def judge_as_simulated_people(project: Project, *, report: Callable[[int, int], None]) -> int:
    """Every open question answered by as many simulated people as it asks for; how many that was.

    Goes through `submission.record`, so seats, keys and payloads are checked as for anyone.
    `report` is told the questions done, and of how many.
    """
    people = simulated_people(SEED)
    annotators = {person.external_id: _annotator(project, person) for person in people}
    kept = 0
    questions = _questions(project)
    for done, question in enumerate(questions, 1):
        rng = random.Random(f"loop/{_key(question)}")
        for person in rng.sample(people, question.overlap):
            kept += not _judge(question, person, annotators[person.external_id])
        report(done, len(questions))
    return kept


def _questions(project: Project) -> list[Question]:
    return list(
        Question.objects.filter(project=project, state=QuestionState.OPEN)
        .select_related("project", "rubric")
        .prefetch_related("placements__candidate__system")
        .order_by("id")
    )


def _judge(question: Question, person: SimulatedPerson, annotator: Annotator) -> bool:
    """Keep what `person` says; True if it was there already.

    The person is asked about the two texts in the order of their hashes and the answer is turned
    to the question's places: those depend on ids that are new at every passage, and what people
    say must not.
    """
    by_hash = sorted(question.placements.all(), key=_hash_of)
    first, second = (qualities_of(placement.candidate) for placement in by_hash)
    choice = choose(person, (first, second), key=_key(question), seed=SEED)
    if by_hash[0].position == 1:
        choice = choice.mirrored()
    return record(
        question=question,
        annotator=annotator,
        payload=choice.as_payload(),
        submission_key=f"demo/{question.public_id}/{person.external_id}",
        source=SIMULATED,
        shown_order=list(choice.shown_order),
        reason=choice.reason,
        elapsed_ms=choice.elapsed_ms,
    ).repeated


def _key(question: Question) -> str:
    return "/".join(sorted(map(_hash_of, question.placements.all())))


def _hash_of(placement: Placement) -> str:
    return placement.candidate.content_hash


def qualities_of(candidate: Candidate) -> Qualities:
    """What the simulation knows of a candidate: planted when written, or by its scripted voice."""
    written = _written().get(candidate.text)
    if written is not None:
        return written
    name = candidate.system.name if candidate.system else ""
    for voice in VOICES:
        if name.startswith(voice.checkpoint):
            return planted_in(candidate.text, voice)
    raise ValueError(f"nothing was planted in {candidate} by {name or 'nobody'}")


@cache
def _written() -> dict[str, Qualities]:
    return {
        answer.text: answer.qualities
        for answer in itertools.chain.from_iterable(prompt.answers for prompt in demo_prompts())
    }


def _annotator(project: Project, person: SimulatedPerson) -> Annotator:
    annotator, is_new = Annotator.objects.get_or_create(
        project=project,
        external_id=person.external_id,
        defaults={
            "kind": AnnotatorKind.SIMULATED,
            "display_name": person.external_id.replace("-", " person ").capitalize(),
        },
    )
    if is_new:
        Profile.objects.create(annotator=annotator, version=1, attributes=person.attributes)
    return annotator
