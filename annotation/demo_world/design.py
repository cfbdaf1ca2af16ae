"""Which pairs are asked, and who answers them in advance. Pure, seeded.

Every prompt's four answers make six pairs. Five are answered by `ANSWERED_BY` simulated people
each; the sixth, another one from prompt to prompt, has only `BEGUN_BY` of its judgments, so that a
person who opens the demo has something to do at once and company to be compared with.
"""

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

from annotation.demo_world.content import Answer, DemoPrompt
from annotation.demo_world.people import SimulatedPerson

ANSWERED_BY = 10
BEGUN_BY = 3
CHECKED_BY = 3
CHECKED_PROMPTS = 24


@dataclass(frozen=True, slots=True)
class Planned:
    """A question to be asked about `answers` (position 0 first), judged already by `judged_by`."""

    external_id: str
    prompt: DemoPrompt
    answers: tuple[Answer, ...]
    judged_by: tuple[SimulatedPerson, ...]


def plan_pairs(
    prompts: Sequence[DemoPrompt], people: Sequence[SimulatedPerson], *, seed: int
) -> list[Planned]:
    """One question per pair and prompt, in a shuffled order."""
    rng = random.Random(f"pairs/{seed}")
    planned = []
    for number, prompt in enumerate(prompts):
        for place, pair in enumerate(itertools.combinations(prompt.answers, 2)):
            answers = pair if rng.random() < 0.5 else pair[::-1]
            judges = BEGUN_BY if place == number % 6 else ANSWERED_BY
            name = "-".join(answer.external_id.rpartition("/")[2] for answer in pair)
            planned.append(
                Planned(
                    external_id=f"{prompt.external_id}/{name}",
                    prompt=prompt,
                    answers=answers,
                    judged_by=tuple(rng.sample(people, judges)),
                )
            )
    rng.shuffle(planned)
    return planned


def checked_prompts(prompts: Sequence[DemoPrompt]) -> list[DemoPrompt]:
    """The first `CHECKED_PROMPTS` English ones."""
    return [prompt for prompt in prompts if prompt.language == "en"][:CHECKED_PROMPTS]


def plan_checklists(
    prompts: Sequence[DemoPrompt], people: Sequence[SimulatedPerson], *, seed: int
) -> list[Planned]:
    """One question per answer; a quarter of them is not judged yet."""
    rng = random.Random(f"checklists/{seed}")
    planned = [
        Planned(
            external_id=answer.external_id,
            prompt=prompt,
            answers=(answer,),
            judged_by=tuple(rng.sample(people, 0 if place == number % 4 else CHECKED_BY)),
        )
        for number, prompt in enumerate(prompts)
        for place, answer in enumerate(prompt.answers)
    ]
    rng.shuffle(planned)
    return planned
