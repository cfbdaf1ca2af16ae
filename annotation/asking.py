"""Asking about all of a project's candidates in the way its judgment type is answered.

Two by two where a type compares two, in slates where it orders several, and one by one elsewhere.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from annotation.catalogue import JUDGMENT_TYPES
from annotation.errors import InvalidQuestion
from annotation.models import Candidate, Project, Prompt
from annotation.pairing import Design, slates
from annotation.phrases import say
from annotation.questions import Asked, ask_all, ask_each, ask_pairs, candidates_of


class Way(StrEnum):
    """How many candidates a question of a judgment type shows."""

    PAIRS = "pairs"
    SLATES = "slates"
    EACH = "each"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is chosen about all questions: `design` for pairs; for slates `size`, how many responses
    each shows, and `per_prompt`, how many of them (None: as few as show every response)."""

    design: Design = field(default_factory=Design)
    size: int = 4
    per_prompt: int | None = None


def way_of(judgment_type: str) -> Way:
    kind = JUDGMENT_TYPES[judgment_type]
    if kind.fewest_candidates < 2:
        return Way.EACH
    return Way.PAIRS if kind.most_candidates == 2 else Way.SLATES


def ask_about_all(
    project: Project,
    plan: Plan | None = None,
    *,
    judgment_type: str | None = None,
    seed: int | None = None,
    overlap: int | None = None,
) -> Asked:
    """Turn the project's responses into questions; what has been asked stays as it is.

    Raises InvalidQuestion, and then none is asked.
    """
    plan = plan or Plan()
    kind = judgment_type or project.judgment_type
    way = way_of(kind)
    if way is Way.EACH:
        return ask_each(project=project, judgment_type=kind, overlap=overlap)
    if way is Way.SLATES:
        return ask_slates(
            project=project,
            size=plan.size,
            per_prompt=plan.per_prompt,
            judgment_type=kind,
            seed=seed,
            overlap=overlap,
        )
    return ask_pairs(
        project=project, judgment_type=kind, design=plan.design, seed=seed, overlap=overlap
    )


def ask_slates(
    *,
    project: Project,
    size: int = 4,
    per_prompt: int | None = None,
    prompts: Iterable[Prompt] | None = None,
    seed: int | None = None,
    judgment_type: str | None = None,
    overlap: int | None = None,
) -> Asked:
    """Ask about `size` candidates of each prompt at a time (all of its prompts unless given).

    The same seed (the project's unless given), candidates and numbers ask the same slates. Of
    identical texts only the first takes part. Raises InvalidQuestion, and then none is asked.
    """
    kind = judgment_type or project.judgment_type
    seed = project.seed if seed is None else seed
    most = JUDGMENT_TYPES[kind].most_candidates
    if not 2 <= size <= most:
        raise InvalidQuestion(say("A question shows 2 to %(most)s responses.", most=most))
    chosen: list[list[Candidate]] = []
    identical = too_few = 0
    for prompt, candidates in candidates_of(project, prompts):
        different = list({each.content_hash: each for each in reversed(candidates)}.values())[::-1]
        identical += len(candidates) - len(different)
        too_few += len(different) < 2
        rng = random.Random(f"{seed}/{prompt.external_id}/slates")
        for slate in slates(len(different), size, per_prompt, rng):
            chosen.append([different[place] for place in slate])
    asked = ask_all(project, chosen, kind, None, overlap, 0.0)
    return Asked(tuple(asked), len(chosen) - len(asked), identical, too_few)
