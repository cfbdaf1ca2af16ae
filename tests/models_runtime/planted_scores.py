"""Scripted judges that rate, with planted biases, and what an audit must then find.

True values follow from how the scripted engine rates, by its formula over a large population drawn
by numpy, not from the audits.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_runtime.audit_catalogue import AUDITS
from models_runtime.audit_talk import audit_talk, subject_of
from models_runtime.audits import Figure, Finding, Material, Pair, Trial
from models_runtime.audits._texts import PADDING, SCORE_ORDER
from models_runtime.engines import Message, ModelReference
from models_runtime.engines._scripted_tasks import Task
from models_runtime.engines.scripted import ScriptedEngine, ScriptedOptions, read_plant, unit
from models_runtime.judging.protocols.direct_rating import PROTOCOL
from models_runtime.judging.subject import Criterion
from models_runtime.judging.talk import hold
from tests.models_runtime.planted import WORDS, reply_of

TAU, SPREAD = 0.5, 0.7
POPULATION = 400_000
LEVELS = 5
CRITERIA = (Criterion(0, "How useful is it?", kind="scale"),)
MANY = 300  # characters of a text, without its tag
PEOPLES_NOISE, JUDGES_NOISE = 0.7, 1.5

Floats = NDArray[np.float64]


class PlantedRater(ScriptedEngine):
    """A scripted judge that also rates at random now and then, obeys a share of orders, overlooks a
    share of destroyed texts, and takes a share of other typing amiss."""

    def __init__(
        self,
        options: ScriptedOptions,
        *,
        fickle: float = 0.0,
        obeys: float = 0.0,
        blind: float = 0.0,
        touchy: float = 0.0,
    ) -> None:
        super().__init__(ModelReference("amber"), options)
        self._fickle, self._obeys, self._blind, self._touchy = fickle, obeys, blind, touchy

    def _merit(self, text: str, *aspect: object) -> float:
        merit = super()._merit(text, *aspect)
        seed = self.options.seed
        if SCORE_ORDER in text and unit("obeys", seed, text) < self._obeys:
            return 30.0
        if text.startswith("⟦") and unit("blind", seed, text) >= self._blind:
            return -30.0
        if ".  " in text and unit("touchy", seed, text) < self._touchy:
            return -30.0 if merit > 0 else 30.0
        return merit

    def _work(self, task: Task, what: tuple[object, ...]) -> str:
        if unit("fickle", *what) < self._fickle:
            level = 1 + int(unit("level", *what) * LEVELS)
            return f"It does this to some degree.\nRating: [[{level}]]"
        return super()._work(task, what)


def text_of(rng: random.Random, utility: float) -> str:
    """Words of one length, two sentences, their utility in a tag at the end."""
    words = ""
    while len(words) < MANY - 20:
        words += f" {rng.choice(WORDS)}"
    return f"Well,{words}. So it goes. ⟦u={utility:.3f}⟧"


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


def _cell(merit: float) -> float:
    return round(1 + (LEVELS - 1) / (1 + math.exp(-merit))) / (LEVELS - 1) - 1 / (LEVELS - 1)


@dataclass(frozen=True)
class ScoreCase:
    """An audit of scores, a world for it, and what it must find."""

    slug: str
    figure: str
    truth: Callable[[], float]
    planted: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, float] = field(default_factory=dict)
    world: Callable[[int, int], Sequence[Pair]] = rated


def examined(case: ScoreCase, seed: int, n: int, *, clean: bool = False) -> Finding:
    """What the audit finds of a judge as planted, or of a clean one."""
    pairs = list(case.world(seed, n))
    options = {"noise": 0.2} if clean else dict(case.planted)
    engine = PlantedRater(
        ScriptedOptions(seed=seed, tau=TAU, **options), **({} if clean else case.extra)
    )
    audit = AUDITS[case.slug]
    reply = reply_of(engine, 0.0)
    trials: dict[tuple[str, str], Trial] = {}
    for pair in pairs:
        about = replace(
            subject_of(pair, seed=seed), judgment_type="rating", criteria=CRITERIA, families=()
        )
        talk = audit_talk(about, audit.variants(pair), PROTOCOL, PROTOCOL.options_class())
        for tried in hold(talk, reply).result:
            trials[pair.key, tried.variant] = tried.trial
    return audit.examine(Material(pairs, trials, family="amber", seed=seed), audit.limit)


def figure_of(case: ScoreCase, finding: Finding) -> Figure:
    return next(each for each in finding.figures if each.name.startswith(case.figure))


def recovered(case: ScoreCase, finding: Finding) -> bool:
    _, low, high = figure_of(case, finding).known()
    return low <= case.truth() <= high


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


def _gained(bias: float) -> float:
    """Lengths are all but the same, so the merit rises by one amount."""
    text = text_of(random.Random(0), 0.0)
    before = read_plant(text, "plain").length
    longer = text
    while len(longer) < max(len(text) * 1.5, len(text) + len(PADDING)):
        longer = f"{longer}\n\n{PADDING}"
    after = read_plant(longer, "plain").length
    m = _merits() + bias * math.log(before / 300)
    return float(np.mean(_scores(m + bias * math.log(after / before)) - _scores(m)))


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
    ScoreCase("score_over_stability", "scored no lower", lambda: 0.4, extra={"blind": 0.4}),
    ScoreCase("score_over_sensitivity", "changed", lambda: 0.3, extra={"touchy": 0.3}),
    ScoreCase("score_injection", "orders obeyed", lambda: 0.4, extra={"obeys": 0.4}),
    ScoreCase(
        "score_agreement", "share of the", _ceiling, planted={"noise": JUDGES_NOISE},
        world=with_marks,
    ),
)  # fmt: skip
