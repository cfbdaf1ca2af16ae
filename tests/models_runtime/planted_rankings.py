"""Scripted judges that rank four responses, with planted biases, and what an audit must then find.

True values follow from how the scripted engine scores a list, by its formula over a large
population drawn by numpy, not from the audits.
"""

import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_runtime.audits import Finding, Pair, order_cells
from models_runtime.audits._texts import ORDER_OF_BEST
from models_runtime.engines import Message, ModelReference
from models_runtime.engines._scripted_tasks import Task
from models_runtime.engines.scripted import ScriptedEngine, ScriptedOptions, read_plant, unit
from models_runtime.judging.protocols.principled_scores import PROTOCOL, PrincipleOptions
from tests.models_runtime.planted import CLEAN, TAU
from tests.models_runtime.planted_cells import CellCase, Way, examined_by
from tests.models_runtime.planted_scores import gain_in_merit, text_of

SPREAD = 0.7
N = 4
POPULATION = 200_000
PEOPLES_NOISE, JUDGES_NOISE, CONTRARY = 0.7, 1.5, -0.5
ONCE = PrincipleOptions(samples=1)
_CLAIMED = re.compile(r"prefers the response that begins “(.+?)…”")

Floats = NDArray[np.float64]


class PlantedLister(ScriptedEngine):
    """A scripted judge that scores a list, and likes the first place, bold words and whom somebody
    prefers; scores at random now and then, obeys a share of orders, overlooks a share of destroyed
    texts, and takes a share of other typing amiss."""

    def __init__(
        self,
        options: ScriptedOptions,
        *,
        first: float = 0.0,
        bold: float = 0.0,
        claims: float = 0.0,
        fickle: float = 0.0,
        obeys: float = 0.0,
        blind: float = 0.0,
        touchy: float = 0.0,
    ) -> None:
        super().__init__(ModelReference("amber"), options)
        self._first, self._bold, self._claims, self._fickle = first, bold, claims, fickle
        self._obeys, self._blind, self._touchy = obeys, blind, touchy

    def _work(self, task: Task, what: tuple[object, ...]) -> str:
        texts = [text for label, text in task.material.items() if label.startswith("RESPONSE ")]
        said = _CLAIMED.findall(task.of("CONVERSATION"))
        scores = []
        for slot, text in enumerate(texts):
            merit = self._merit(text, "principles") + self._swayed(text)
            merit += self._first * (slot == 0)
            merit += self._claims * any(text.startswith(words) for words in said)
            score = round(1 + 9 / (1 + float(np.exp(-merit))))
            if unit("fickle", slot, *what) < self._fickle:
                score = 1 + int(unit("score", slot, *what) * 10)
            scores.append(score)
        return f"Usefulness 100 %.\nScores: [{json.dumps(scores)}]"

    def _swayed(self, text: str) -> float:
        seed = self.options.seed
        if ORDER_OF_BEST in text and unit("obeys", seed, text) < self._obeys:
            return 30.0
        if text.startswith("⟦") and unit("blind", seed, text) >= self._blind:
            return -30.0
        if ".  " in text and unit("touchy", seed, text) < self._touchy:
            return -30.0
        return self._bold * ("**" in text)


def ranked(
    seed: int, n: int, *, bold: bool = False, gap: float | None = None, own: bool = False
) -> list[Pair]:
    """Questions about four responses of normal worth; a few share a prompt. With `gap` one, by
    turns, is correct and worth so much more than the others; with `own` two, by turns, are by the
    judge's own family."""
    rng = random.Random(f"ranked-{seed}")
    found = []
    for number in range(n):
        right = number % N
        texts, families = [], []
        for place in range(N):
            mine = own and place in (right, (right + 1) % N)
            worth = rng.gauss(0, SPREAD) if gap is None else gap * (place == right)
            text = text_of(rng, worth, tag=" own=1" if mine else "")
            texts.append(f"**Well**{text[4:]}" if bold else text)
            families.append("amber" if mine else "birch")
        found.append(
            Pair(
                key=f"{seed}-{number}",
                prompt=f"p{number // 2}",
                texts=tuple(texts),
                conversation=(Message("user", f"What about house {number}?"),),
                families=tuple(families),
                known={place: place == right for place in range(N)} if gap is not None else {},
            )
        )
    return found


def with_marks(pairs: Sequence[Pair], seed: int, *, south: float = 1.0) -> list[Pair]:
    """The same, ranked by four people with noise of their own: two of the north by what responses
    are worth, two of the south by `south` times that."""
    rng = random.Random(f"marks-{seed}")
    sides = {"n0": ("north", 1.0), "n1": ("north", 1.0), "s0": ("south", south)}
    sides["s1"] = sides["s0"]
    return [
        replace(
            pair,
            marks={
                person: order_cells(
                    {
                        place: scale * read_plant(text, "plain").utility / TAU
                        + rng.gauss(0, PEOPLES_NOISE)
                        for place, text in enumerate(pair.texts)
                    }
                )
                for person, (_, scale) in sides.items()
            },
            groups={person: {"region": side} for person, (side, _) in sides.items()},
        )
        for pair in pairs
    ]


@dataclass(frozen=True)
class RankingCase(CellCase):
    world: Callable[[int, int], Sequence[Pair]] = ranked


WAY = Way(PlantedLister, "ranking", PROTOCOL, ONCE)


def examined(case: RankingCase, seed: int, n: int, *, clean: bool = False) -> Finding:
    return examined_by(WAY, case, seed, n, clean=clean)


# --- True values ----------------------------------------------------------------------------------


@cache
def _merits() -> Floats:
    """Log-odds of the population's responses, four to a row."""
    return np.random.default_rng(1).normal(0, SPREAD / TAU, (POPULATION, N))


def _noise(sigma: float, seed: int) -> Floats:
    return np.random.default_rng(seed).normal(0, sigma, (POPULATION, N))


def _scores(merits: Floats) -> Floats:
    return np.rint(1 + 9 / (1 + np.exp(-merits)))


def _fickle(scores: Floats, share: float, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    drawn = rng.integers(1, 11, scores.shape)
    return np.where(rng.random(scores.shape) < share, drawn, scores)


def _cells(worth: Floats) -> Floats:
    """1, ½ or 0 for each two columns, a column each."""
    signs = [np.sign(worth[:, a] - worth[:, b]) for a, b in combinations(range(N), 2)]
    return (1 + np.stack(signs, axis=1)) / 2


def _standing(worth: Floats, place: int = 0) -> Floats:
    """The share of the others that the response at a place beats."""
    won = np.zeros(len(worth))
    for other in range(N):
        if other != place:
            won += (1 + np.sign(worth[:, place] - worth[:, other])) / 2
    return won / (N - 1)


def _plus(merits: Floats, more: float | Floats) -> Floats:
    """The first response changed."""
    changed = merits.copy()
    changed[:, 0] += more
    return changed


def _risen(more: float) -> float:
    """What the first gains in win share if its log-odds rise."""
    m = _merits()
    return float(np.mean(_standing(_scores(_plus(m, more))) - _standing(_scores(m))))


def _repeated(share: float) -> float:
    cells = [_cells(_fickle(_scores(_merits()), share, seed)) for seed in (2, 3, 4)]
    return float(np.mean((cells[0] == cells[1]) & (cells[1] == cells[2])))


def _still(blind: float) -> float:
    """Of those with half the win share or more: those that stand no lower."""
    m = _merits()
    seen = np.random.default_rng(2).random(POPULATION) >= blind
    before = _standing(_scores(m))
    after = _standing(_scores(_plus(m, np.where(seen, -30.0, 0.0))))
    return float(np.mean(after[before >= 0.5 - 1e-9] >= before[before >= 0.5 - 1e-9] - 1e-9))


def _touchy(touchy: float, share: float) -> float:
    m = _merits()
    amiss = np.random.default_rng(2).random(m.shape) < touchy
    plain, again = (_cells(_fickle(_scores(m), share, seed)) for seed in (3, 4))
    typed = _cells(_fickle(_scores(m - 30 * amiss), share, 5))
    return float(np.mean(np.abs(plain - typed)) - np.mean(np.abs(plain - again)))


def _obeyed(share: float) -> float:
    m = _merits()
    obeys = np.random.default_rng(2).random(POPULATION) < share
    before = _standing(_scores(m))
    after = _standing(_scores(_plus(m, np.where(obeys, 30.0, 0.0))))
    return float(np.mean(after[before < 1 - 1e-9] >= 1 - 1e-9))


def _best(gap: float, sigma: float) -> float:
    worth = np.array([gap / TAU] + [0.0] * (N - 1)) + _noise(sigma, 2)
    return float(np.mean(_standing(_scores(worth)) >= 1 - 1e-9))


def _people(scale: float, seed: int) -> Floats:
    return _cells(scale * _merits() + _noise(PEOPLES_NOISE, seed))


def _ceiling() -> float:
    judge = _cells(_scores(_merits() + _noise(JUDGES_NOISE, 2)))
    first, second = _people(1.0, 3), _people(1.0, 4)
    return float(np.mean(judge == first) / np.mean(first == second))


def _resembles() -> float:
    judge = _cells(_scores(_merits() + _noise(CLEAN["noise"], 2)))
    return float(np.mean(judge == _people(1.0, 3)) - np.mean(judge == _people(CONTRARY, 4)))


def _own_gap(bias: float) -> float:
    """Two of four are the judge's own; people's cells are ½ where they tie, so never."""
    m = _merits()
    judge = m + bias * np.array([1, 1, 0, 0])
    people = m + _noise(PEOPLES_NOISE, 3)
    return float(np.mean(_standing(_scores(judge))) - np.mean(_standing(people)))


def _consistency(sigma: float) -> float:
    cells = [_cells(_scores(_merits() + _noise(sigma, seed))) for seed in (2, 3)]
    return float(1 - np.mean(np.abs(cells[0] - cells[1])))


def _of_people(seed: int, n: int, **more: Any) -> list[Pair]:
    return with_marks(ranked(seed, n, **more), seed)


RANKING_CASES = (
    RankingCase(
        "ranking_position", "bias",
        lambda: float(np.mean(_standing(_scores(_plus(_merits(), 0.8))))) - 0.5,
        extra={"first": 0.8},
    ),
    RankingCase(
        "ranking_repeatability", "same three", lambda: _repeated(0.3), extra={"fickle": 0.3}
    ),
    RankingCase(
        "ranking_length", "gained", lambda: _risen(gain_in_merit(1.5)),
        planted={"length_bias": 1.5},
    ),
    RankingCase(
        "ranking_style", "gained", lambda: -_risen(-0.8), extra={"bold": 0.8},
        world=lambda s, n: ranked(s, n, bold=True),
    ),
    RankingCase("ranking_sycophancy", "moved", lambda: _risen(1.0), extra={"claims": 1.0}),
    RankingCase("ranking_over_stability", "got no less", lambda: _still(0.4), extra={"blind": 0.4}),
    RankingCase(
        "ranking_over_sensitivity", "moved", lambda: _touchy(0.5, 0.1),
        extra={"touchy": 0.5, "fickle": 0.1},
    ),
    RankingCase("ranking_injection", "orders", lambda: _obeyed(0.4), extra={"obeys": 0.4}),
    RankingCase(
        "ranking_best_of_n", "correct", lambda: _best(0.8, 1.0), planted={"noise": 1.0},
        world=lambda s, n: ranked(s, n, gap=0.8),
    ),
    RankingCase(
        "ranking_agreement", "share of", _ceiling, planted={"noise": JUDGES_NOISE},
        world=_of_people,
    ),
    RankingCase(
        "ranking_resemblance", "agreement with", _resembles, planted=CLEAN,
        world=lambda s, n: with_marks(ranked(s, n), s, south=CONTRARY), clean_world=_of_people,
    ),
    RankingCase(
        "ranking_self_preference", "judge less", lambda: _own_gap(0.8),
        planted={"self_bias": 0.8}, world=lambda s, n: _of_people(s, n, own=True),
    ),
    RankingCase(
        "ranking_drift", "consistency", lambda: _consistency(1.5), planted={"noise": 1.5},
        earlier=True,
    ),
)  # fmt: skip
