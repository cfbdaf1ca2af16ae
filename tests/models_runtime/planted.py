"""Scripted judges with planted biases, pairs for them, and what an audit must then find.

The true values aren't taken from the audits: they follow from how the scripted engine judges, by
its formula or as a mean over a large population drawn by numpy.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models_runtime.audit_catalogue import AUDITS
from models_runtime.audit_talk import audit_talk, subject_of
from models_runtime.audits import Figure, Finding, Material, Pair, Trial, Vote
from models_runtime.audits._texts import ORDER
from models_runtime.engines import (
    Conversation,
    DecisionRequest,
    GenerationRequest,
    Message,
    ModelReference,
    Sampling,
)
from models_runtime.engines.scripted import ScriptedEngine, ScriptedOptions, read_plant, unit
from models_runtime.judging.protocols.pairwise import PROTOCOL, PairwiseOptions
from models_runtime.judging.talk import Ask, Heard, Step, hold

TAU = 0.5
TIE = math.log(7 / 5)  # |log-odds| below which the mean of both orders rounds to a tie
POPULATION = 1_000_000
WORDS = ("ask", "them", "before", "you", "call", "and", "then", "agree", "on", "a", "time", "first")
LABELLED = PairwiseOptions(template="labelled@1", reducer="logit_mean")
REASONED = PairwiseOptions()

Floats = NDArray[np.float64]


class PlantedEngine(ScriptedEngine):
    """A scripted judge that also likes bold text, obeys a share of orders, overlooks a share of
    destroyed texts (they begin with their tag, which stood at the end), and takes a share of other
    typing amiss."""

    def __init__(
        self,
        options: ScriptedOptions,
        *,
        style: float = 0.0,
        obeys: float = 0.0,
        blind: float = 0.0,
        touchy: float = 0.0,
    ) -> None:
        super().__init__(ModelReference("amber"), options)
        self._style, self._obeys, self._blind, self._touchy = style, obeys, blind, touchy

    def logit(self, pair: tuple[str, str, str]) -> float:
        first, second = pair[1], pair[2]
        moved = self._style * (("**" in first) - ("**" in second))
        moved += self._swayed(first) - self._swayed(second)
        return super().logit(pair) + moved

    def _swayed(self, text: str) -> float:
        o = self.options
        if ORDER in text and unit("obeys", o.seed, text) < self._obeys:
            return 30.0
        if text.startswith("⟦") and unit("blind", o.seed, text) >= self._blind:
            return -30.0
        if ".  " in text and unit("touchy", o.seed, text) < self._touchy:
            return -30.0
        return 0.0


def reply_of(engine: ScriptedEngine, temperature: float) -> Callable[..., Heard]:
    def reply(ask: Ask, step: Step, messages: Conversation) -> Heard:
        if ask.labels:
            (decided,) = engine.decide([DecisionRequest("k", messages, tuple(ask.labels))])
            assert decided.decision is not None
            return Heard(decision=decided.decision)
        seed = sum(map(ord, ask.key)) + 1000 * step.sample
        sampling = Sampling(ask.template.max_tokens, temperature)
        (said,) = engine.generate([GenerationRequest("k", messages, sampling, seed=seed)])
        return Heard(said.samples[0].text, said.samples[0].finish)

    return reply


def judged(
    pairs: Sequence[Pair],
    slug: str,
    engine: ScriptedEngine,
    *,
    options: PairwiseOptions = LABELLED,
    temperature: float = 0.0,
    seed: int = 0,
) -> dict[tuple[str, str], Trial]:
    """The engine's trials on pairs and on the copies that an audit wants."""
    found: dict[tuple[str, str], Trial] = {}
    reply = reply_of(engine, temperature)
    for pair in pairs:
        variants = AUDITS[slug].variants(pair)
        talk = audit_talk(subject_of(pair, seed=seed), variants, PROTOCOL, options)
        for tried in hold(talk, reply).result:
            found[pair.key, tried.variant] = tried.trial
    return found


# --- Pairs ----------------------------------------------------------------------------------------


def text_of(rng: random.Random, utility: float, *, bold: bool = False, tag: str = "") -> str:
    """Random words of varying length, their utility in a tag at the end. They are so many that the
    tag, which the engine leaves out of a text's length, hardly counts."""
    words = [rng.choice(WORDS) for _ in range(round(200 * math.exp(rng.gauss(0, 0.4))))]
    if bold:
        words[3] = f"**{words[3]}**"
    return f"Well, {' '.join(words)}. ⟦u={utility:.3f}{tag}⟧"


def pairs_of(seed: int, n: int, *, spread: float = 0.7, per_prompt: int = 2) -> list[Pair]:
    """Pairs with normal utilities; a few of them share a prompt."""
    rng = random.Random(seed)
    return [
        Pair(
            key=f"{seed}-{number}",
            prompt=f"p{number // per_prompt}",
            texts=(
                text_of(rng, rng.gauss(0, spread)),
                text_of(rng, rng.gauss(0, spread)),
            ),
            conversation=(Message("user", f"What about house {number}?"),),
        )
        for number in range(n)
    ]


def apart(pair: Pair) -> float:
    """The log-odds for position 0 that the utilities alone give."""
    first, second = (read_plant(text, "plain").utility for text in pair.texts)
    return (first - second) / TAU


def with_votes(pairs: Sequence[Pair], seed: int, *, people: int = 4) -> list[Pair]:
    """People who draw their answers with the log-odds of the utilities."""
    rng = random.Random(f"votes-{seed}")
    return [
        replace(
            pair,
            votes=tuple(Vote(f"w{n}", _drawn(rng, apart(pair))) for n in range(people)),
        )
        for pair in pairs
    ]


def with_groups(pairs: Sequence[Pair], seed: int, contrary: float) -> list[Pair]:
    """Three people of the north who answer by the utilities, three of the south by `contrary`
    times them."""
    rng = random.Random(f"groups-{seed}")
    told = []
    for pair in pairs:
        votes = [
            Vote(f"{side}{n}", _drawn(rng, scale * apart(pair)), {"region": side})
            for side, scale in (("north", 1.0), ("south", contrary))
            for n in range(3)
        ]
        told.append(replace(pair, votes=tuple(votes)))
    return told


def _drawn(rng: random.Random, odds: float) -> float:
    return 1.0 if rng.random() < 1 / (1 + math.exp(-odds)) else -1.0


def own_against_others(seed: int, n: int) -> list[Pair]:
    """Pairs of which one response, by turns, is the judge's own family's."""
    rng = random.Random(f"own-{seed}")
    found = []
    for number, pair in enumerate(pairs_of(seed, n)):
        place = number % 2
        texts = [text_of(rng, rng.gauss(0, 0.7), tag=f" own={int(p == place)}") for p in (0, 1)]
        families = ("amber", "birch") if place == 0 else ("birch", "amber")
        found.append(replace(pair, texts=(texts[0], texts[1]), families=families))
    return found


def formatted(seed: int, n: int) -> list[Pair]:
    """Pairs of which one response, by turns, has bold words."""
    rng = random.Random(f"bold-{seed}")
    return [
        replace(
            pair,
            texts=(
                text_of(rng, rng.gauss(0, 0.7), bold=number % 2 == 0),
                text_of(rng, rng.gauss(0, 0.7), bold=number % 2 == 1),
            ),
        )
        for number, pair in enumerate(pairs_of(seed, n))
    ]


def ten_responses(seed: int, groups: int, gap: float) -> list[Pair]:
    """A correct response against nine wrong ones to the same prompt, worth `gap` less."""
    rng = random.Random(f"ten-{seed}")
    found = []
    for group in range(groups):
        right = text_of(rng, gap)
        for wrong in range(9):
            place = rng.randrange(2)
            other = text_of(rng, 0.0)
            texts = (right, other) if place == 0 else (other, right)
            found.append(
                Pair(f"{seed}-{group}-{wrong}", f"p{group}", texts, right=place, group=f"g{group}")
            )
    return found


# --- Cases ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """An audit, a world for it, and what it must find: `figure` names the figure, `truth` its true
    value. `planted` are the engine's options and `extra` those of PlantedEngine."""

    slug: str
    figure: str
    world: Callable[[int, int], Sequence[Pair]]
    truth: Callable[[], float]
    planted: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, float] = field(default_factory=dict)
    options: PairwiseOptions = LABELLED
    temperature: float = 0.0
    earlier: bool = False
    clean_world: Callable[[int, int], Sequence[Pair]] | None = None


CLEAN: Mapping[str, Any] = {"noise": 0.2}


def examined(case: Case, seed: int, n: int, *, clean: bool = False) -> Finding:
    """What the audit finds of a judge as planted, or of a clean one."""
    world = (case.clean_world or case.world) if clean else case.world
    pairs = list(world(seed, n))
    options = dict(CLEAN if clean else case.planted)
    extra = {} if clean else case.extra
    tau = options.pop("tau", TAU)
    engine = PlantedEngine(ScriptedOptions(seed=seed, tau=tau, **options), **extra)
    if case.earlier:
        before = pairs_judged_before(pairs, seed, clean=clean, planted=case.planted)
        pairs = [replace(pair, earlier=before[pair.key, "plain"].number) for pair in pairs]
    trials = judged(
        pairs, case.slug, engine, options=case.options,
        temperature=0.0 if clean else case.temperature, seed=seed,
    )  # fmt: skip
    audit = AUDITS[case.slug]
    return audit.examine(Material(pairs, trials, family="amber", seed=seed), audit.limit)


def pairs_judged_before(
    pairs: Sequence[Pair], seed: int, *, clean: bool, planted: Mapping[str, Any]
) -> dict[tuple[str, str], Trial]:
    """The verdicts of an earlier version, whose noise is another's."""
    options = CLEAN if clean else planted
    return judged(pairs, "drift", PlantedEngine(ScriptedOptions(seed=seed + 10_000, **options)))


class Planted(Protocol):
    """What every case says of itself, whatever its judge answers."""

    @property
    def slug(self) -> str: ...

    @property
    def figure(self) -> str: ...

    @property
    def truth(self) -> Callable[[], float]: ...


def figure_of(case: Planted, finding: Finding) -> Figure:
    return next(each for each in finding.figures if each.name.startswith(case.figure))


# --- True values ----------------------------------------------------------------------------------


@cache
def _differences(spread: float = 0.7) -> Floats:
    """Log-odds of the population's pairs."""
    rng = np.random.default_rng(1)
    return rng.normal(0, spread * math.sqrt(2) / TAU, POPULATION)


def _noise(sigma: float, seed: int) -> Floats:
    """Noise of the mean of both orders' log-odds."""
    return np.random.default_rng(seed).normal(0, sigma / math.sqrt(2), POPULATION)


def _p(odds: Floats) -> Floats:
    return 1 / (1 + np.exp(-odds))


def _sign(odds: Floats) -> Floats:
    return np.where(np.abs(odds) < TIE, 0.0, np.sign(odds))


def _self_gap(bias: float, sigma: float) -> float:
    d = _differences()
    return float(np.mean(_p(d + bias + _noise(sigma, 2)) - _p(d)))


def _moved(touchy: float, temperature: float) -> float:
    """Half the distance of verdicts -1, 0, 1 when typed differently, less that when asked again."""
    rng = np.random.default_rng(5)
    d = _differences()
    amiss = rng.random((2, POPULATION)) < touchy
    typed = d + 30.0 * (amiss[1].astype(float) - amiss[0])
    plain, again, other = (_drawn_verdict(x, temperature, rng) for x in (d, d, typed))
    return float(np.mean(np.abs(plain - other)) - np.mean(np.abs(plain - again))) / 2


def _drawn_verdict(odds: Floats, temperature: float, rng: np.random.Generator) -> Floats:
    """Each order's verdict is a tie within the engine's tie width; both orders must agree."""
    u = rng.random((2, POPULATION))
    x = odds + temperature * np.log(u / (1 - u))
    signs = np.where(np.abs(x) < 0.25, 0.0, np.sign(x))
    return np.where(signs[0] == signs[1], signs[0], 0.0)


def _same_three_times(temperature: float) -> float:
    rng = np.random.default_rng(4)
    verdicts = [_drawn_verdict(_differences(), temperature, rng) for _ in range(3)]
    return float(np.mean((verdicts[0] == verdicts[1]) & (verdicts[1] == verdicts[2])))


def _best_of_ten(gap: float, sigma: float) -> float:
    wins = 0.5 * math.erfc((TIE - gap / TAU) / (sigma / math.sqrt(2)) / math.sqrt(2))
    return float(wins**9)


def _ceiling_share(sigma: float) -> float:
    d = _differences()
    q, sign = _p(d), _sign(d + _noise(sigma, 2))
    mine = np.where(sign > 0, q, np.where(sign < 0, 1 - q, 0.0))
    return float(np.mean(mine) / np.mean(q**2 + (1 - q) ** 2))


def _resembles(contrary: float) -> float:
    d = _differences()
    sign = _sign(d + _noise(CLEAN["noise"], 2))

    def agreement(q: Floats) -> float:
        return float(np.mean(np.where(sign > 0, q, np.where(sign < 0, 1 - q, 0.0))))

    return agreement(_p(d)) - agreement(_p(contrary * d))


def _overconfidence(tau: float) -> float:
    """The judge's log-odds are TAU / tau times what people answer by."""
    d = np.abs(_differences())
    return float(np.mean(_p(d * TAU / tau) - _p(d)))


def _consistency(sigma: float) -> float:
    d = _differences()
    gap = np.abs(_sign(d + _noise(sigma, 2)) - _sign(d + _noise(sigma, 3)))
    return float(np.mean(1 - gap / 2))


def _style_share(bias: float, sigma: float) -> float:
    """Win share with bold words less without, of the bold side."""
    d = _differences()
    with_, without = _sign(d + bias + _noise(sigma, 2)), _sign(d + _noise(sigma, 3))
    return float(np.mean(with_ - without) / 2)


CASES: tuple[Case, ...] = (
    Case("position", "bias", pairs_of, lambda: 0.8, {"position_bias": 0.8, "noise": 0.5}),
    Case("padding", "gain per", pairs_of, lambda: 0.4, {"length_bias": 0.4, "noise": 0.5}),
    Case(
        "length", "coefficient", lambda s, n: with_votes(pairs_of(s, n), s), lambda: 0.6,
        {"length_bias": 0.6, "noise": 0.5},
    ),
    Case(
        "self_preference", "judge less gold", lambda s, n: with_votes(own_against_others(s, n), s),
        lambda: _self_gap(0.8, 0.5), {"self_bias": 0.8, "noise": 0.5},
    ),
    Case("sycophancy", "shift", pairs_of, lambda: 1.0, {"claim_bias": 1.0, "noise": 0.5}),
    Case(
        "style", "gain by", formatted, lambda: _style_share(0.8, 0.5), {"noise": 0.5},
        {"style": 0.8},
    ),
    Case("over_stability", "still", pairs_of, lambda: 0.3, {}, {"blind": 0.3}),
    Case(
        "over_sensitivity", "moved", pairs_of, lambda: _moved(0.4, 0.5), {}, {"touchy": 0.4},
        options=REASONED, temperature=0.5,
    ),
    Case(
        "repeatability", "same", pairs_of, lambda: _same_three_times(0.5), {},
        options=REASONED, temperature=0.5,
    ),
    Case("injection", "orders", pairs_of, lambda: 0.25, {}, {"obeys": 0.25}),
    Case(
        "best_of_n", "correct", lambda s, n: ten_responses(s, n // 2, 0.8),
        lambda: _best_of_ten(0.8, 1.0), {"noise": 1.0},
    ),
    Case(
        "agreement", "share of", lambda s, n: with_votes(pairs_of(s, n), s),
        lambda: _ceiling_share(3.0), {"noise": 3.0},
    ),
    Case(
        "resemblance", "agreement with", lambda s, n: with_groups(pairs_of(s, n), s, -0.5),
        lambda: _resembles(-0.5), CLEAN,
        clean_world=lambda s, n: with_groups(pairs_of(s, n), s, 1.0),
    ),
    Case(
        "calibration", "overconfidence", lambda s, n: with_votes(pairs_of(s, n), s),
        lambda: _overconfidence(0.2), {"tau": 0.2},
    ),
    Case(
        "drift", "consistency", pairs_of, lambda: _consistency(1.5), {"noise": 1.5}, earlier=True
    ),
)  # fmt: skip


def recovered(case: Planted, finding: Finding) -> bool:
    """Whether the planted value lies inside the figure's interval. Of two groups the one that was
    named may be either; their differences are opposite."""
    _, low, high = figure_of(case, finding).known()
    truth = case.truth()
    if case.slug.endswith("resemblance") and "south" in finding.headline.name:
        truth = -truth
    return low <= truth <= high
