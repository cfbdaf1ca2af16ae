"""The simulated people: three opinion groups of unequal size, and a few who don't pay attention.

Pure. Nobody here is real, and nothing here was learned from anybody. A person's utility for an
answer is linear in its planted qualities, with the group's weights plus an own deviation.
"""

import random
from dataclasses import dataclass
from enum import StrEnum

from annotation.demo_world.content import Qualities

AGE_BANDS = ("18–29", "30–44", "45–59", "60 and over")
OWN_DEVIATION = 0.35  # standard deviation of a person's weights around the group's
DECLARES_OWN_GROUP = 0.8  # how often the declared preference is that of the person's group


class Habit(StrEnum):
    """How a simulated person goes about judging."""

    ATTENTIVE = "attentive"
    RANDOM = "random"  # clicks anything
    LEFT = "left"  # prefers whatever is shown first
    MIDDLE = "middle"  # says "about the same" and moves on


@dataclass(frozen=True, slots=True)
class OpinionGroup:
    """People who agree on what makes advice good, up to small own deviations.

    `weights` are utilities per unit of directness, warmth, caution and thoroughness.
    """

    name: str
    size: int
    weights: tuple[float, float, float, float]
    declares: str


GROUPS = (
    OpinionGroup("directness first", 18, (2.2, 0.3, -0.8, 0.4), "a clear word"),
    OpinionGroup("kindness first", 12, (-0.6, 2.4, 0.1, 0.2), "a kind word"),
    OpinionGroup("caution first", 6, (-0.2, 0.1, 2.2, 1.0), "a careful word"),
)
CARELESS = (Habit.RANDOM, Habit.LEFT, Habit.MIDDLE)


@dataclass(frozen=True, slots=True)
class SimulatedPerson:
    """One simulated annotator.

    `attributes` are what they would declare: the age band plays no role in their judgments, and
    `values_most` tells their group apart, though not always truly. `group` is None for those who
    don't pay attention.
    """

    external_id: str
    group: str | None
    habit: Habit
    weights: tuple[float, ...]
    attributes: dict[str, str]

    def utility(self, qualities: Qualities) -> float:
        return sum(w * q for w, q in zip(self.weights, qualities.centred(), strict=True))


def simulated_people(seed: int) -> tuple[SimulatedPerson, ...]:
    """Everyone, in a shuffled order, so that a number doesn't give a group away."""
    rng = random.Random(f"people/{seed}")
    members: list[tuple[OpinionGroup | None, Habit]] = [
        (group, Habit.ATTENTIVE) for group in GROUPS for _ in range(group.size)
    ]
    members += [(None, habit) for habit in CARELESS]
    rng.shuffle(members)
    return tuple(
        _person(number, group, habit, rng) for number, (group, habit) in enumerate(members, 1)
    )


def _person(
    number: int, group: OpinionGroup | None, habit: Habit, rng: random.Random
) -> SimulatedPerson:
    weights = group.weights if group else (0.0, 0.0, 0.0, 0.0)
    truthful = group is not None and rng.random() < DECLARES_OWN_GROUP
    declared = group.declares if group and truthful else rng.choice(GROUPS).declares
    return SimulatedPerson(
        external_id=f"simulated-{number:02d}",
        group=group.name if group else None,
        habit=habit,
        weights=tuple(weight + rng.gauss(0, OWN_DEVIATION) for weight in weights),
        attributes={"age_band": rng.choice(AGE_BANDS), "values_most": declared},
    )
