"""How simulated people judge: pairwise with strength and ties, and by checklist. Pure.

Pairwise: the latent difference is z = SLOPE · (u(a) − u(b)) + ε with ε logistic, and the answer is
z cut at ±TIE, ±BETTER and ±MUCH. Without the cuts beyond the first this is the Rao–Kupper model
(Rao & Kupper 1967, "Ties in paired-comparison experiments", JASA 62), whose limit for TIE → 0 is
Bradley–Terry. Checklist: yes with probability logistic(weights · qualities + own leniency).

Every draw comes from a generator seeded by person and question, so a judgment depends neither on
the order in which judgments are made nor on which others are made.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from annotation.demo_world.content import DemoCriterion, Qualities
from annotation.demo_world.people import Habit, SimulatedPerson
from annotation.demo_world.reasons import reason_for

SLOPE = 2.0
TIE, BETTER, MUCH = 0.45, 2.0, 3.8
BOTH_BAD_BELOW = -0.55  # a tie between two answers this unwelcome is called "both bad"
REASON_RATE = 0.15


@dataclass(frozen=True, slots=True)
class SimulatedChoice:
    """A pairwise judgment in placement positions: positive strength means position 0 is better."""

    strength: int
    both_bad: bool
    shown_order: tuple[int, int]
    elapsed_ms: int
    reason: str = ""

    def as_payload(self) -> dict[str, int | bool]:
        if self.both_bad:
            return {"strength": 0, "both_bad": True}
        return {"strength": self.strength}

    def mirrored(self) -> "SimulatedChoice":
        """The same judgment where the two answers hold each other's place."""
        first, second = self.shown_order
        return replace(self, strength=-self.strength, shown_order=(1 - first, 1 - second))


def choose(
    person: SimulatedPerson, pair: tuple[Qualities, Qualities], *, key: str, seed: int
) -> SimulatedChoice:
    """What `person` says to the pair placed at positions 0 and 1. `key` names the question."""
    rng = random.Random(f"choice/{seed}/{person.external_id}/{key}")
    shown = (0, 1) if rng.random() < 0.5 else (1, 0)
    if person.habit is not Habit.ATTENTIVE:
        return _choose_carelessly(person.habit, shown, rng)
    mine = [person.utility(qualities) for qualities in pair]
    strength = _cut(SLOPE * (mine[0] - mine[1]) + logistic_noise(rng))
    return SimulatedChoice(
        strength=strength,
        both_bad=strength == 0 and max(mine) < BOTH_BAD_BELOW,
        shown_order=shown,
        elapsed_ms=round(1000 * rng.lognormvariate(math.log(38), 0.45)),
        reason=_reason(person, pair, strength, rng),
    )


def answer_checklist(
    person: SimulatedPerson,
    qualities: Qualities,
    criteria: Sequence[DemoCriterion],
    *,
    factual: bool,
    key: str,
    seed: int,
) -> list[str]:
    """One of "yes", "no", "not_applicable" per criterion, in their order."""
    rng = random.Random(f"checklist/{seed}/{person.external_id}/{key}")
    leniency = random.Random(f"leniency/{seed}/{person.external_id}").gauss(0.2, 0.5)
    return [
        _answer(person, qualities, criterion, leniency, rng)
        if not (factual and criterion.personal)
        else "not_applicable"
        for criterion in criteria
    ]


def logistic_noise(rng: random.Random) -> float:
    """A draw from the standard logistic distribution, by inversion."""
    u = min(max(rng.random(), 1e-12), 1 - 1e-12)
    return math.log(u / (1 - u))


def _cut(z: float) -> int:
    size = sum(abs(z) > bound for bound in (TIE, BETTER, MUCH))
    return size if z > 0 else -size


def _choose_carelessly(habit: Habit, shown: tuple[int, int], rng: random.Random) -> SimulatedChoice:
    towards_first = {
        Habit.RANDOM: rng.randint(-3, 3),
        Habit.LEFT: rng.choice((1, 2, 2, 3)),
        Habit.MIDDLE: 0 if rng.random() < 0.9 else rng.choice((-1, 1)),
    }[habit]
    return SimulatedChoice(
        strength=towards_first if shown[0] == 0 else -towards_first,
        both_bad=False,
        shown_order=shown,
        elapsed_ms=round(1000 * rng.lognormvariate(math.log(4), 0.4)),
    )


def _reason(
    person: SimulatedPerson,
    pair: tuple[Qualities, Qualities],
    strength: int,
    rng: random.Random,
) -> str:
    if strength == 0 or person.group is None or rng.random() > REASON_RATE:
        return ""
    better, worse = pair if strength > 0 else pair[::-1]
    return reason_for(person.group, better, worse, abs(strength), rng)


def _answer(
    person: SimulatedPerson,
    qualities: Qualities,
    criterion: DemoCriterion,
    leniency: float,
    rng: random.Random,
) -> str:
    if person.habit is not Habit.ATTENTIVE:
        return rng.choice(("yes", "yes", "no"))
    z = leniency + sum(
        criterion.weights.get(name, 0.0) * (value - 0.5) for name, value in qualities.items()
    )
    return "yes" if z + 0.5 * logistic_noise(rng) > 0 else "no"
