"""How often the report's intervals hold the truth, in worlds drawn anew for every seed.

Worlds of 60 people with 20 votes each on five items, drawn into three groups with known utilities.
Coverage can only be asked of worlds in which the report finds three groups; the others are counted
and named by how many it found.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table as Grid
from scipy.special import expit

from aggregation.diagnostics.annotators import wilson
from aggregation.pluralism.welfare import welfare
from aggregation.report import Material, ReportOptions
from aggregation.report.picks import worth_of
from aggregation.report.rule_table import item_rows
from aggregation.report.study import Study, study
from aggregation.tables import Comparisons

Array = NDArray[Any]
Held = list[tuple[bool, bool, float]]  # truth inside, truth below, width

U = np.array([[0.5, 3, 1, 2.5, 0], [-2, -2.5, -1, -3, 0], [3, -1, 1.5, 2.5, 1]])
SHARES = np.array([0.45, 0.35, 0.20])
PEOPLE, EACH, REPLICATES = 60, 20, 100


def intervals(seeds: int, first: int = 0, kept: Path | None = None) -> Grid:
    """Do the report's 95 % intervals hold the truth? People drawn anew for every seed.

    Figures of one world hang together, so errors, and Wilson's bounds, are over worlds.
    """
    worlds = _read(kept)
    for seed in range(first, first + seeds):
        if seed not in worlds:
            worlds[seed] = world(seed)
            if kept is not None:
                with kept.open("a") as out:
                    out.write(json.dumps({"seed": seed, **worlds[seed]}) + "\n")
    asked = [worlds[seed] for seed in range(first, first + seeds)]
    numbers = Counter(each["groups"] for each in asked)
    told = [each["held"] for each in asked if each["held"]]
    grid = Grid("of", "covered [Wilson 95 %]", "below / above", "mean width", "worlds told")
    grid.caption = "groups found: " + ", ".join(
        f"{number} in {count} of {seeds}" for number, count in sorted(numbers.items())
    )
    for name in told[0] if told else ():
        inside, below, width = np.array([held[name] for held in told]).transpose(2, 0, 1)
        lo, hi = over_worlds(inside)
        above = 1 - inside.mean() - below.mean()
        grid.add_row(
            name, f"{inside.mean():.3f} [{lo:.3f}, {hi:.3f}]",
            f"{below.mean():.3f} / {above:.3f}", f"{width.mean():.3f}", f"{len(told)}/{seeds}",
        )  # fmt: skip
    return grid


def over_worlds(inside: Array) -> tuple[float, float]:
    """Wilson's bounds of a rate of hits [worlds, figures], with as many independent figures as the
    spread between worlds allows.
    """
    p, worlds = inside.mean(), len(inside)
    spread = inside.mean(axis=1).var(ddof=1) / worlds if worlds > 1 else 0.0
    n = min(inside.size, p * (1 - p) / spread) if spread > 0 else worlds
    lo, hi = wilson(p, np.asarray(n))
    return float(lo), float(hi)


def world(seed: int) -> dict[str, Any]:
    """The number of groups found, and per kind of figure whether each interval holds the truth.

    `held` is empty where three groups weren't found, or two of them resemble the same true one.
    """
    rng = np.random.default_rng([seed, 7])
    group = np.sort(rng.choice(3, PEOPLE, p=SHARES))
    options = ReportOptions(replicates=REPLICATES, restarts=4, most=4, seed=seed)
    case = study(Material(votes_of(rng, group, EACH), "systems"), options)
    held = _held(case) if case.G == 3 and len(case.parts) == 1 else {}
    return {"groups": case.G, "held": held}


def _held(case: Study) -> dict[str, Held]:
    truth = welfare(U)
    assert case.draws is not None
    rows = item_rows(case, [worth_of(case.draws.utilities[:, :, case.parts[0]])])
    mine = _matching(rows, truth)
    if sorted(mine) != [0, 1, 2]:
        return {}
    drawn = case.draws.shares
    shares = [case.figure(float(case.shares[h]), drawn[:, h], PEOPLE, "people") for h in mine]
    held = {"share of a group": _compared(shares, SHARES)}
    for g, h in enumerate(mine):
        of = [truth[g, "ABCDE".index(row.item)] for row in rows]
        size = round(SHARES[g] * PEOPLE)
        held[f"welfare in a group of {size}"] = _compared([row.welfare[h] for row in rows], of)
    return held


def votes_of(rng: np.random.Generator, group: Array, each: int) -> Comparisons:
    """Votes on random pairs of the candidates A to E by people of these groups."""
    who = np.repeat(np.arange(len(group)), each)
    a = rng.integers(0, 5, len(who))
    b = (a + rng.integers(1, 5, len(who))) % 5
    rows = np.arange(len(who))
    chance = expit(U[group[who]][rows, a] - U[group[who]][rows, b])
    y = np.where(rng.random(len(who)) < chance, 1, -1)
    return Comparisons.from_arrays(
        a, b, y, annotator=who, ids=list("ABCDE"), annotator_ids=range(len(group))
    )


def _matching(items: Any, truth: Array) -> list[int]:
    """Which group of the report is each true one, by nearest welfare."""
    order = sorted(items, key=lambda row: row.item)
    W = np.array([[w.value for w in row.welfare] for row in order]).T
    return [int(np.abs(W - truth[g]).sum(axis=1).argmin()) for g in range(len(truth))]


def _compared(figures: Any, truth: Any) -> Held:
    return [
        (bool(f.lo <= t <= f.hi), bool(t < f.lo), f.hi - f.lo)
        for f, t in zip(figures, truth, strict=True)
    ]


def _read(kept: Path | None) -> dict[int, dict[str, Any]]:
    """Worlds noted by an earlier run, by seed. A line cut short by a kill is left out."""
    worlds: dict[int, dict[str, Any]] = {}
    if kept is None or not kept.exists():
        return worlds
    for line in kept.read_text().splitlines():
        try:
            found = json.loads(line)
        except json.JSONDecodeError:
            continue
        worlds[found.pop("seed")] = found
    return worlds
