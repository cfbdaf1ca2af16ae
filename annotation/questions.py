"""Asking questions: from candidates to something that can be judged, checked before it is asked."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from annotation.catalogue import JUDGMENT_TYPES
from annotation.constraints import violated
from annotation.errors import InvalidQuestion
from annotation.hashes import question_id
from annotation.judgment_types import JudgmentType
from annotation.models import (
    Candidate,
    CriterionKind,
    Placement,
    Project,
    Prompt,
    Question,
    Rubric,
)
from annotation.pairing import Design
from annotation.phrases import say

BATCH = 500
ANSWERED = {CriterionKind.YES_NO: say("with yes or no"), CriterionKind.SCALE: say("on a scale")}


@dataclass(frozen=True, slots=True)
class Asked:
    """What `ask_pairs`, `ask_each` and `asking.ask_slates` did.

    `identical` counts what was left out because a text is there twice and leaves nothing to choose:
    pairs of one text, or responses of a slate. `too_few` counts prompts with fewer than two
    candidates.
    """

    questions: tuple[Question, ...]
    already_there: int = 0
    identical: int = 0
    too_few: int = 0


def ask(
    *,
    project: Project,
    candidates: Sequence[Candidate],
    judgment_type: str | None = None,
    rubric: Rubric | None = None,
    external_id: str | None = None,
    overlap: int | None = None,
    priority: float = 0.0,
) -> Question:
    """Ask one question; `candidates` are in placement order.

    The judgment type and the overlap are the project's unless given. A question that is already
    there with the same id and the same candidates in the same places is returned as it is. A
    rubric that is used is frozen from then on. Raises InvalidQuestion with a sentence.
    """
    kind = judgment_type or project.judgment_type
    _check(project, candidates, kind, rubric)
    external_id = external_id or default_id(candidates, kind, rubric)
    try:
        with transaction.atomic():
            question = Question.objects.create(
                project=project,
                prompt=candidates[0].prompt,
                judgment_type=kind,
                rubric=rubric,
                external_id=external_id,
                overlap=_overlap(project, overlap),
                priority=priority,
            )
            _place([question], [candidates])
    except IntegrityError as error:
        if violated(error) != "one_question_per_external_id":
            raise
        return _same(project, external_id, candidates, kind, rubric)
    return question


def ask_pairs(
    *,
    project: Project,
    prompts: Iterable[Prompt] | None = None,
    design: Design | None = None,
    seed: int | None = None,
    judgment_type: str | None = None,
    rubric: Rubric | None = None,
    overlap: int | None = None,
    priority: float = 0.0,
) -> Asked:
    """Ask which of two for the candidates of each prompt (all of the project's unless given).

    The same seed (the project's unless given), candidates and design ask the same pairs. Pairs
    that have been asked before, in either order, are left as they are; pairs of identical texts
    are left out. Raises InvalidQuestion, and then none is asked.
    """
    seed = project.seed if seed is None else seed
    design = design or Design()
    kind = judgment_type or project.judgment_type
    chosen: list[tuple[Candidate, Candidate]] = []
    identical = too_few = 0
    for prompt, candidates in candidates_of(project, prompts):
        too_few += len(candidates) < 2
        rng = random.Random(f"{seed}/{prompt.external_id}")
        for first, second in design.pairs(len(candidates), rng):
            pair = candidates[first], candidates[second]
            if pair[0].content_hash == pair[1].content_hash:
                identical += 1
            else:
                chosen.append(pair)
    asked = ask_all(project, chosen, kind, rubric, overlap, priority)
    return Asked(tuple(asked), len(chosen) - len(asked), identical, too_few)


def ask_each(
    *,
    project: Project,
    prompts: Iterable[Prompt] | None = None,
    judgment_type: str | None = None,
    rubric: Rubric | None = None,
    overlap: int | None = None,
    priority: float = 0.0,
) -> Asked:
    """Ask about every single candidate of each prompt (all of the project's unless given).

    A type that needs a rubric takes, unless one is given, the newest of the prompt, else the newest
    of the project. Candidates that have been asked about are left as they are. Raises
    InvalidQuestion, and then none is asked.
    """
    kind = judgment_type or project.judgment_type
    chosen: list[tuple[Candidate]] = []
    rubrics: list[Rubric | None] = []
    for prompt, candidates in candidates_of(project, prompts):
        own = rubric or (rubric_for(prompt) if _type(kind).needs_rubric else None)
        for candidate in candidates:
            chosen.append((candidate,))
            rubrics.append(own)
    asked = ask_all(project, chosen, kind, rubrics, overlap, priority)
    return Asked(tuple(asked), len(chosen) - len(asked))


def rubric_for(prompt: Prompt) -> Rubric | None:
    """The newest rubric of this prompt, else the newest of its project, else None."""
    rubrics = Rubric.objects.filter(project_id=prompt.project_id).order_by("-version", "-id")
    rubrics = rubrics.prefetch_related("criteria")
    return rubrics.filter(prompt=prompt).first() or rubrics.filter(prompt__isnull=True).first()


def default_id(candidates: Sequence[Candidate], kind: str, rubric: Rubric | None) -> str:
    """The external id of a question from what it shows; the order of its candidates is no part."""
    ids = sorted(candidate.external_id for candidate in candidates)
    plain = question_id(candidates[0].prompt.external_id, ids)
    again = kind != "pairwise" and (kind, len(ids)) != ("checklist", 1)
    newer = rubric is not None and rubric.version > 1
    if not again and not newer:
        return plain
    suffix = f"{kind} v{rubric.version}" if rubric is not None and newer else kind
    return question_id(f"{candidates[0].prompt.external_id}/{suffix}", ids)


# --- Checks -------------------------------------------------------------------------------------


def _check(
    project: Project, candidates: Sequence[Candidate], kind: str, rubric: Rubric | None
) -> None:
    """Raise InvalidQuestion unless these candidates can be asked about in this way."""
    judgment_type = _type(kind)
    fewest, most = judgment_type.fewest_candidates, judgment_type.most_candidates
    if not fewest <= len(candidates) <= most:
        wanted = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        raise InvalidQuestion(
            say(
                "A question of type “%(judgment_type_title)s” shows %(wanted)s "
                "responses, not %(candidates)s.",
                judgment_type_title=judgment_type.title,
                wanted=wanted,
                candidates=len(candidates),
            )
        )
    if len({candidate.pk for candidate in candidates}) < len(candidates):
        raise InvalidQuestion(
            say("A question shows each response once. Leave out the repeated one.")
        )
    prompts = {candidate.prompt_id for candidate in candidates}
    if len(prompts) > 1:
        raise InvalidQuestion(
            say(
                "The responses answer different prompts, so they can't be compared. "
                "Choose responses to one prompt."
            )
        )
    if candidates[0].prompt.project_id != project.pk:
        raise InvalidQuestion(say("The responses belong to another project."))
    if judgment_type.needs_rubric:
        _check_rubric(project, candidates[0], judgment_type.slug, rubric)
    elif rubric is not None and rubric.project_id != project.pk:
        raise InvalidQuestion(say("The rubric belongs to another project."))


def _check_rubric(project: Project, candidate: Candidate, kind: str, rubric: Rubric | None) -> None:
    if rubric is None:
        raise InvalidQuestion(
            say(
                "A %(kind)s question needs a list of criteria. Write one for prompt "
                "“%(prompt)s” or for the project first.",
                kind=kind,
                prompt=candidate.prompt,
            )
        )
    if rubric.project_id != project.pk:
        raise InvalidQuestion(say("The list of criteria belongs to another project."))
    if rubric.prompt_id not in (None, candidate.prompt_id):
        raise InvalidQuestion(
            say(
                "The criteria of “%(rubric)s” were written for another prompt than “%(prompt)s”.",
                rubric=rubric,
                prompt=candidate.prompt,
            )
        )
    kinds = {criterion.kind for criterion in rubric.criteria.all()}
    if not kinds:
        raise InvalidQuestion(
            say("“%(rubric)s” has no criteria yet. Add some before asking.", rubric=rubric)
        )
    if kinds != {_type(kind).criterion_kind}:
        found = " and ".join(sorted(ANSWERED[CriterionKind(found)] for found in kinds))
        raise InvalidQuestion(
            say(
                "“%(rubric)s” has criteria answered %(found)s, which a %(kind)s question "
                "can't ask. Make a list of criteria that are all of the kind it asks.",
                rubric=rubric,
                found=found,
                kind=kind,
            )
        )


def _type(kind: str) -> JudgmentType:
    if kind not in JUDGMENT_TYPES:
        raise InvalidQuestion(
            say(
                "There is no judgment type “%(kind)s”. There are: %(names)s.",
                kind=kind,
                names=", ".join(JUDGMENT_TYPES),
            )
        )
    return JUDGMENT_TYPES[kind]


def _overlap(project: Project, overlap: int | None) -> int:
    if overlap is not None and overlap < 1:
        raise InvalidQuestion(say("A question is judged by at least one person."))
    return project.overlap if overlap is None else overlap


def _same(
    project: Project,
    external_id: str,
    candidates: Sequence[Candidate],
    kind: str,
    rubric: Rubric | None,
) -> Question:
    """The question that has this id, if it asks the same. Raises InvalidQuestion."""
    question = Question.objects.get(project=project, external_id=external_id)
    placed = list(
        question.placements.asked().order_by("position").values_list("candidate_id", flat=True)
    )
    same = placed == [candidate.pk for candidate in candidates]
    if not same or question.judgment_type != kind or question.rubric_id != _pk(rubric):
        raise InvalidQuestion(
            say(
                "“%(external_id)s” is already the id of another question in this "
                "project. Give the new one an id of its own.",
                external_id=external_id,
            )
        )
    return question


def _pk(rubric: Rubric | None) -> int | None:
    return rubric.pk if rubric is not None else None


# --- Many at once -------------------------------------------------------------------------------


def candidates_of(
    project: Project, prompts: Iterable[Prompt] | None
) -> list[tuple[Prompt, list[Candidate]]]:
    """Each prompt with its candidates in the order of their arrival."""
    chosen = list(project.prompts.order_by("id") if prompts is None else prompts)
    by_prompt: dict[int, list[Candidate]] = {prompt.pk: [] for prompt in chosen}
    candidates = Candidate.objects.filter(prompt__in=by_prompt).defer("text", "html")
    for candidate in candidates.select_related("prompt").order_by("id"):
        by_prompt[candidate.prompt_id].append(candidate)
    return [(prompt, by_prompt[prompt.pk]) for prompt in chosen]


def ask_all(
    project: Project,
    groups: Sequence[Sequence[Candidate]],
    kind: str,
    rubrics: "Rubric | Sequence[Rubric | None] | None",
    overlap: int | None,
    priority: float,
) -> list[Question]:
    """Ask about every group that hasn't been asked about, in one transaction."""
    each = list(rubrics) if isinstance(rubrics, Sequence) else [rubrics] * len(groups)
    overlap = _overlap(project, overlap)
    drafts: dict[str, tuple[Question, Sequence[Candidate]]] = {}
    for candidates, rubric in zip(groups, each, strict=True):
        _check(project, candidates, kind, rubric)
        question = Question(
            project=project,
            prompt=candidates[0].prompt,
            judgment_type=kind,
            rubric=rubric,
            external_id=default_id(candidates, kind, rubric),
            overlap=overlap,
            priority=priority,
        )
        drafts[question.external_id] = question, candidates
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        for external_id in _asked_before(project, drafts):
            del drafts[external_id]
        questions = Question.objects.bulk_create(
            [question for question, _ in drafts.values()], batch_size=BATCH
        )
        _place(questions, [candidates for _, candidates in drafts.values()])
    return questions


def _asked_before(
    project: Project, drafts: dict[str, tuple[Question, Sequence[Candidate]]]
) -> list[str]:
    """Ids of drafts that are there already: by id, or under another id with the same candidates."""
    prompts = {question.prompt_id for question, _ in drafts.values()}
    there: set[tuple[str, int | None, frozenset[int]]] = set()
    ids: set[str] = set()
    asked = Question.objects.filter(project=project, prompt__in=prompts)
    for question in asked.prefetch_related("placements"):
        ids.add(question.external_id)
        placed = frozenset(
            placement.candidate_id
            for placement in question.placements.all()
            if placement.written_in_id is None
        )
        there.add((question.judgment_type, question.rubric_id, placed))
    return [
        external_id
        for external_id, (question, candidates) in drafts.items()
        if external_id in ids
        or (
            question.judgment_type,
            question.rubric_id,
            frozenset(candidate.pk for candidate in candidates),
        )
        in there
    ]


def _place(questions: Sequence[Question], groups: Sequence[Sequence[Candidate]]) -> None:
    Placement.objects.bulk_create(
        [
            Placement(question=question, candidate=candidate, position=position)
            for question, candidates in zip(questions, groups, strict=True)
            for position, candidate in enumerate(candidates)
        ],
        batch_size=BATCH,
    )
