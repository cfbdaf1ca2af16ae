"""Do the intervals keep their promise? Coverage of 95 % intervals over seeded synthetic worlds.

In every world people judge by strengths of their own around common ones, and in the second family
prompts shift the strengths too, so that votes of one person, or on one prompt, are alike. The truth
is what Bradley–Terry would estimate from everybody on every prompt, computed once from a great many
of them. Printed is the share of intervals of scores, and of differences of the first two items,
that hold it; nominal 95 % ought to give 92 to 98 %.

    python benchmarks/coverage.py [--worlds 500] [--replicates 200] [--quick]

It ends with status 1 when a line that promises coverage leaves that range.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from aggregation.catalogue import METHODS
from aggregation.results import AggregateResult
from aggregation.tables import Comparisons, PairCounts

Floats = NDArray[np.float64]

ITEMS, PEOPLE, PROMPTS, VOTES = 5, 60, 60, 25
STRENGTHS = np.linspace(0.8, -0.8, ITEMS)
LOW, HIGH = 0.92, 0.98


@dataclass(frozen=True)
class World:
    """Standard deviations of what is a person's own and what is a prompt's own."""

    name: str
    person: float
    prompt: float

    def draw(self, seed: int) -> Comparisons:
        rng = np.random.default_rng([0xC0E4, seed])
        own = self.person * rng.normal(size=(PEOPLE, ITEMS))
        shift = self.prompt * rng.normal(size=(PROMPTS, ITEMS))
        who = np.repeat(np.arange(PEOPLE), VOTES)
        prompt = rng.integers(0, PROMPTS, len(who))
        a = rng.integers(0, ITEMS, len(who))
        b = (a + rng.integers(1, ITEMS, len(who))) % ITEMS
        theta = STRENGTHS + own[who] + shift[prompt]
        rows = np.arange(len(who))
        d = theta[rows, a] - theta[rows, b]
        y = np.where(rng.random(len(who)) < 1 / (1 + np.exp(-d)), 1, -1)
        return Comparisons.from_arrays(
            a, b, y, annotator=who, group=prompt, n_items=ITEMS, group_ids=range(PROMPTS)
        )

    def truth(self, people: int = 400_000) -> Floats:
        """The strengths that fit the share of all people and prompts who prefer i to j."""
        rng = np.random.default_rng(0)
        spread = np.sqrt(self.person**2 + self.prompt**2)
        theta = STRENGTHS + spread * rng.normal(size=(people, ITEMS))
        wins = np.zeros((ITEMS, ITEMS))
        for i in range(ITEMS):
            for j in range(ITEMS):
                if i != j:
                    wins[i, j] = (1 / (1 + np.exp(theta[:, j] - theta[:, i]))).mean()
        method = METHODS["bradley_terry"]
        return method.fit(PairCounts.from_matrices(wins), method.options(ci="none")).score


@dataclass(frozen=True)
class Line:
    """One way to make intervals. `promises`: it is meant to cover in this family of worlds."""

    name: str
    options: dict[str, Any]
    promises: Callable[[World], bool]


def lines(replicates: int) -> list[Line]:
    always, never = (lambda _: True), (lambda _: False)
    people_only = _without_prompts
    both = {"replicates": replicates, "vary": "annotators_and_prompts"}
    return [
        Line("inverse Hessian (votes as if independent)", {"ci": "hessian"}, never),
        Line("sandwich over annotators", {"ci": "cluster"}, people_only),
        Line("bootstrap over annotators", {"replicates": replicates}, people_only),
        Line("bootstrap over annotators and prompts", both, always),
    ]


def _without_prompts(world: World) -> bool:
    return not world.prompt


def covered(result: AggregateResult, truth: Floats) -> tuple[float, bool]:
    """Share of the scores' intervals that hold the truth; whether that of items 0 and 1 does."""
    assert result.lo is not None
    assert result.hi is not None
    gap, se = result.difference(0, 1)
    return (
        float(((result.lo <= truth) & (truth <= result.hi)).mean()),
        abs(gap - (truth[0] - truth[1])) <= 1.959964 * se,
    )


def measure(world: World, line: Line, worlds: int, truth: Floats) -> tuple[float, float, float]:
    """Coverage of scores, of a difference, and the mean width of the scores' intervals."""
    method = METHODS["bradley_terry"]
    options = method.options(**line.options)
    scores, gaps, width = [], [], []
    for seed in range(worlds):
        result = method.fit(world.draw(seed), options)
        inside, gap = covered(result, truth)
        scores.append(inside)
        gaps.append(gap)
        assert result.lo is not None
        assert result.hi is not None
        width.append(float((result.hi - result.lo).mean()))
    return float(np.mean(scores)), float(np.mean(gaps)), float(np.mean(width))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--worlds", type=int, default=500)
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--quick", action="store_true", help="60 worlds, for a look")
    asked = parser.parse_args()
    worlds = 60 if asked.quick else asked.worlds
    print(f"{worlds} worlds, {ITEMS} items, {PEOPLE} people x {VOTES} votes, {PROMPTS} prompts")
    print(f"{'intervals':44} {'scores':>8} {'A - B':>8} {'width':>8} {'s':>6}  promise")
    failed = False
    for world in (World("people differ", 0.5, 0.0), World("people and prompts differ", 0.5, 0.5)):
        print(f"\n{world.name}")
        truth = world.truth()
        for line in lines(asked.replicates):
            started = time.perf_counter()
            scores, gap, width = measure(world, line, worlds, truth)
            promises = line.promises(world)
            kept = LOW <= scores <= HIGH
            said = ("kept" if kept else "BROKEN") if promises else "none"
            failed |= promises and not kept
            took = time.perf_counter() - started
            print(f"  {line.name:42} {scores:8.3f} {gap:8.3f} {width:8.3f} {took:6.1f}  {said}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
