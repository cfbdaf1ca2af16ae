"""Scripted judges that rate, with planted biases, and what an audit must then find.

True values follow from how the scripted engine rates, by its formula over a large population drawn
by numpy, not from the audits.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from models_runtime.audits import Finding, Pair
from models_runtime.audits._texts import PADDING, SCORE_ORDER
from models_runtime.engines import Message, ModelReference
from models_runtime.engines._scripted_tasks import Task
from models_runtime.engines.scripted import ScriptedEngine, ScriptedOptions, read_plant, unit
from models_runtime.judging.protocols.direct_rating import PROTOCOL
from models_runtime.judging.subject import Criterion
from tests.models_runtime.planted import CLEAN, TAU, WORDS
from tests.models_runtime.planted_cells import CellCase, Way, examined_by

SPREAD = 0.7
POPULATION = 400_000
LEVELS = 5
CRITERIA = (Criterion(0, "How useful is it?", kind="scale"),)
MANY = 300  # characters of a text, without its tag
PEOPLES_NOISE, JUDGES_NOISE, CONTRARY = 0.7, 1.5, -0.5

Floats = NDArray[np.float64]


class PlantedRater(ScriptedEngine):
    """A scripted judge that also rates at random now and then, obeys a share of orders, overlooks a
    share of destroyed texts, takes a share of other typing amiss, and likes bold words."""

    def __init__(
        self,
        options: ScriptedOptions,
        *,
        fickle: float = 0.0,
        obeys: float = 0.0,
        blind: float = 0.0,
        touchy: float = 0.0,
        bold: float = 0.0,
    ) -> None:
        super().__init__(ModelReference("amber"), options)
        self._fickle, self._obeys, self._blind, self._touchy = fickle, obeys, blind, touchy
        self._bold = bold

    def _merit(self, text: str, *aspect: object) -> float:
        merit = super()._merit(text, *aspect)
        seed = self.options.seed
        if SCORE_ORDER in text and unit("obeys", seed, text) < self._obeys:
            return 30.0
        if text.startswith("⟦") and unit("blind", seed, text) >= self._blind:
            return -30.0
        if ".  " in text and unit("touchy", seed, text) < self._touchy:
            return -30.0 if merit > 0 else 30.0
        return merit + self._bold * ("**" in text)

    def _work(self, task: Task, what: tuple[object, ...]) -> str:
        if unit("fickle", *what) < self._fickle:
            level = 1 + int(unit("level", *what) * LEVELS)
            return f"It does this to some degree.\nRating: [[{level}]]"
        return super()._work(task, what)


def text_of(rng: random.Random, utility: float, *, tag: str = "") -> str:
    """Words of one length, two sentences, their utility in a tag at the end."""
    words = ""
    while len(words) < MANY - 20:
        words += f" {rng.choice(WORDS)}"
    return f"Well,{words}. So it goes. ⟦u={utility:.3f}{tag}⟧"


def rated(seed: int, n: int) -> list[Pair]:
    """Questions about two responses of normal worth; a few share a prompt."""
    rng = random.Random(f"rated-{seed}")
    return [
        Pair(
            key=f"{seed}-{number}",
            prompt=f"p{number // 2}",
            texts=tuple(text_of(rng, rng.gauss(0, SPREAD)) for _ in range(2)),
            conversation=(Message("user", f"What about house {number}?"),),
        )
        for number in range(n)
    ]


def with_marks(seed: int, n: int) -> list[Pair]:
    """The same, scored by four people with noise of their own."""
    rng = random.Random(f"marks-{seed}")
    return [
        replace(
            pair,
            marks={
                f"w{person}": {
                    f"{place}/0": _cell(
                        read_plant(text, "plain").utility / TAU + rng.gauss(0, PEOPLES_NOISE)
                    )
                    for place, text in enumerate(pair.texts)
                }
                for person in range(4)
            },
        )
        for pair in rated(seed, n)
    ]


def with_groups(seed: int, n: int, south: float) -> list[Pair]:
    """Scored by two people of the north, and by two of the south who go by `south` times what a
    response is worth."""
    rng = random.Random(f"groups-{seed}")
    sides = {"n0": ("north", 1.0), "n1": ("north", 1.0), "s0": ("south", south)}
    sides["s1"] = sides["s0"]
    return [
        replace(
            pair,
            marks={
                person: {
                    f"{place}/0": _cell(
                        scale * read_plant(text, "plain").utility / TAU
                        + rng.gauss(0, PEOPLES_NOISE)
                    )
                    for place, text in enumerate(pair.texts)
                }
                for person, (_, scale) in sides.items()
            },
            groups={person: {"region": side} for person, (side, _) in sides.items()},
        )
        for pair in rated(seed, n)
    ]


def formatted(seed: int, n: int) -> list[Pair]:
    """Responses that all have a bold word."""
    return [
        replace(pair, texts=tuple(f"**Well**{text[4:]}" for text in pair.texts))
        for pair in rated(seed, n)
    ]


def own(seed: int, n: int) -> list[Pair]:
    """Pairs of which one response, by turns, is the judge's own family's, scored by people."""
    found = []
    for number, pair in enumerate(with_marks(seed, n)):
        place = number % 2
        texts = tuple(
            text.replace("⟧", f" own={int(each == place)}⟧") for each, text in enumerate(pair.texts)
        )
        families = ("amber", "birch") if place == 0 else ("birch", "amber")
        found.append(replace(pair, texts=texts, families=families))
    return found


def correct_among(seed: int, n: int, gap: float) -> list[Pair]:
    """To each prompt one correct response and three wrong ones, worth `gap` less, in two
    questions."""
    rng = random.Random(f"correct-{seed}")
    return [
        replace(
            pair,
            texts=tuple(text_of(rng, gap * (number % 2 == place == 0)) for place in (0, 1)),
            known={place: number % 2 == place == 0 for place in (0, 1)},
        )
        for number, pair in enumerate(rated(seed, n))
    ]


def _cell(merit: float) -> float:
    return round(1 + (LEVELS - 1) / (1 + math.exp(-merit))) / (LEVELS - 1) - 1 / (LEVELS - 1)


@dataclass(frozen=True)
class ScoreCase(CellCase):
    world: Callable[[int, int], Sequence[Pair]] = rated


WAY = Way(PlantedRater, "rating", PROTOCOL, PROTOCOL.options_class(), CRITERIA)


def examined(case: ScoreCase, seed: int, n: int, *, clean: bool = False) -> Finding:
    return examined_by(WAY, case, seed, n, clean=clean)


# --- True values ----------------------------------------------------------------------------------


@cache
def _merits() -> Floats:
    return np.random.default_rng(1).normal(0, SPREAD / TAU, POPULATION)


def _scores(merits: Floats) -> Floats:
    """Levels as shares of the scale."""
    return np.rint((LEVELS - 1) / (1 + np.exp(-merits))) / (LEVELS - 1)


def _repeated(fickle: float) -> float:
    """All three the same: each is the judge's own level, or one of five at random."""
    own, other = 1 - fickle + fickle / LEVELS, fickle / LEVELS
    return own**3 + (LEVELS - 1) * other**3


def _padded_lengths() -> tuple[int, int]:
    """Lengths are all but the same, so one text before and after tells them."""
    text = text_of(random.Random(0), 0.0)
    longer = text
    while len(longer) < max(len(text) * 1.5, len(text) + len(PADDING)):
        longer = f"{longer}\n\n{PADDING}"
    return read_plant(text, "plain").length, read_plant(longer, "plain").length


def gain_in_merit(bias: float) -> float:
    """How much the merit of a response rises by padding."""
    before, after = _padded_lengths()
    return bias * math.log(after / before)


def _gained(bias: float) -> float:
    before, _ = _padded_lengths()
    m = _merits() + bias * math.log(before / 300)
    return float(np.mean(_scores(m + gain_in_merit(bias)) - _scores(m)))


def _moved(touchy: float, fickle: float) -> float:
    """How far a cell moves when typed differently, less how far when asked again."""
    rng = np.random.default_rng(3)
    m = _merits()
    amiss = rng.random(POPULATION) < touchy
    typed = np.where(amiss, (m <= 0).astype(float), _scores(m))

    def seen(scores: Floats) -> Floats:
        drawn = rng.integers(0, LEVELS, POPULATION) / (LEVELS - 1)
        return np.where(rng.random(POPULATION) < fickle, drawn, scores)

    plain, again, other = seen(_scores(m)), seen(_scores(m)), seen(typed)
    return float(np.mean(np.abs(plain - other)) - np.mean(np.abs(plain - again)))


def _best(gap: float, sigma: float) -> float:
    """The mark of the correct one is above those of three others; cells have one criterion."""
    worth = np.array([gap / TAU, 0, 0, 0]) + np.random.default_rng(2).normal(
        0, sigma, (POPULATION, 4)
    )
    scores = _scores(worth)
    return float(np.mean(scores[:, 0] > scores[:, 1:].max(axis=1)))


def _consistency(sigma: float) -> float:
    rng = np.random.default_rng(2)
    one, two = (_scores(_merits() + rng.normal(0, sigma, POPULATION)) for _ in range(2))
    return float(1 - np.mean(np.abs(one - two)))


def _person(scale: float, seed: int) -> Floats:
    noise = np.random.default_rng(seed).normal(0, PEOPLES_NOISE, POPULATION)
    return _scores(scale * _merits() + noise)


def _resembles() -> float:
    noise = np.random.default_rng(2).normal(0, CLEAN["noise"], POPULATION)
    judge = _scores(_merits() + noise)
    return float(np.mean(judge == _person(1.0, 3)) - np.mean(judge == _person(CONTRARY, 4)))


def _own_gap(bias: float) -> float:
    return float(np.mean(_scores(_merits() + bias)) - np.mean(_person(1.0, 3)))


def _raised(bias: float) -> float:
    m = _merits()
    return float(np.mean(_scores(m + bias) - _scores(m)))


def _claimed(bias: float) -> float:
    m = _merits()
    return float(np.mean(_scores(m + bias) - _scores(m - bias))) / 2


def _ceiling() -> float:
    """P(judge and person give the same) over P(two people do)."""
    rng = np.random.default_rng(2)
    m = _merits()
    people = [_scores(m + rng.normal(0, PEOPLES_NOISE, POPULATION)) for _ in range(2)]
    judge = _scores(m + rng.normal(0, JUDGES_NOISE, POPULATION))
    return float(np.mean(judge == people[0]) / np.mean(people[0] == people[1]))


SCORE_CASES = (
    ScoreCase("score_repeatability", "same three", lambda: _repeated(0.3), extra={"fickle": 0.3}),
    ScoreCase("score_length", "gained", lambda: _gained(1.0), planted={"length_bias": 1.0}),
    ScoreCase("score_sycophancy", "moved", lambda: _claimed(1.0), planted={"claim_bias": 1.0}),
    ScoreCase("score_over_stability", "got no less", lambda: 0.4, extra={"blind": 0.4}),
    ScoreCase(
        "score_over_sensitivity", "moved", lambda: _moved(0.4, 0.2),
        extra={"touchy": 0.4, "fickle": 0.2},
    ),
    ScoreCase("score_injection", "orders obeyed", lambda: 0.4, extra={"obeys": 0.4}),
    ScoreCase(
        "score_agreement", "share of the", _ceiling, planted={"noise": JUDGES_NOISE},
        world=with_marks,
    ),
    ScoreCase(
        "score_style", "gained", lambda: _raised(0.8), extra={"bold": 0.8}, world=formatted
    ),
    ScoreCase(
        "score_self_preference", "judge less", lambda: _own_gap(0.8), planted={"self_bias": 0.8},
        world=own,
    ),
    ScoreCase(
        "score_best_of_n", "correct", lambda: _best(0.8, 1.0), planted={"noise": 1.0},
        world=lambda s, n: correct_among(s, n, 0.8),
    ),
    ScoreCase(
        "score_resemblance", "agreement with", _resembles, planted=CLEAN,
        world=lambda s, n: with_groups(s, n, CONTRARY),
        clean_world=lambda s, n: with_groups(s, n, 1.0),
    ),
    ScoreCase(
        "score_drift", "consistency", lambda: _consistency(1.5), planted={"noise": 1.5},
        earlier=True,
    ),
)  # fmt: skip
