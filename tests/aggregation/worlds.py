"""Small worlds that many tests share: the examples of the literature and random evidence of each
kind.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from aggregation.tables import Ballots, Comparisons, Labels, PairCounts, Ratings
from config.settings import BASE_DIR

SHARED_DATA = BASE_DIR.parent / "shared" / "data"


def games(*rows: tuple[int, int, int, int]) -> Comparisons:
    """One row per vote from (a, b, wins of a, wins of b)."""
    pairs = [(a, b, y) for a, b, won, lost in rows for y in [1] * won + [-1] * lost]
    a, b, y = (np.array(c) for c in zip(*pairs, strict=True))
    return Comparisons.from_arrays(a, b, y)


def twenty_two_games() -> Comparisons:
    """A-B 2:3, A-D 1:4, B-C 5:3, C-D 1:3: the worked example of the Bradley–Terry article."""
    return games((0, 1, 2, 3), (0, 3, 1, 4), (1, 2, 5, 3), (2, 3, 1, 3))


SIMPLE = """0 1 0; 0 2 -1; 0 2 0; 0 4 0; 1 0 1; 1 2 0; 1 2 0; 1 3 0; 2 4 0; 3 0 1;
3 1 1; 3 2 1; 3 4 0; 3 4 0; 4 0 1; 4 3 1"""


def sixteen_votes() -> Comparisons:
    """Sixteen votes with ties among five items (evalica's `simple.csv`)."""
    a, b, y = np.array([row.split() for row in SIMPLE.split(";")], dtype=int).T
    return Comparisons.from_arrays(a, b, y)


def three_items_with_ties() -> PairCounts:
    """W = [[0,6,8],[3,0,5],[1,2,0]]; ties AB 3, AC 1, BC 4."""
    return PairCounts.from_matrices(
        [[0, 6, 8], [3, 0, 5], [1, 2, 0]], [[0, 3, 1], [3, 0, 4], [1, 4, 0]]
    )


def ballots(*profile: tuple[int, str], names: str) -> Ballots:
    """Ballots from (weight, "ACBED") over the items named by letters."""
    rankings = [[names.index(letter) for letter in order] for _, order in profile]
    return Ballots.from_rankings(rankings, weight=[float(w) for w, _ in profile], ids=tuple(names))


def tennessee() -> Ballots:
    return ballots((42, "MNCK"), (26, "NCKM"), (15, "CKNM"), (17, "KCNM"), names="MNCK")


def schulze45() -> Ballots:
    profile = [
        "5",
        "ACBED",
        "5",
        "ADECB",
        "8",
        "BEDAC",
        "3",
        "CABED",
        "7",
        "CAEBD",
        "2",
        "CBADE",
        "7",
        "DCEBA",
        "8",
        "EBADC",
    ]
    rows = [(int(w), order) for w, order in zip(profile[::2], profile[1::2], strict=True)]
    return ballots(*rows, names="ABCDE")


def cycle() -> Ballots:
    return ballots((4, "ABC"), (3, "BCA"), (2, "CAB"), names="ABC")


def toy_labels() -> Labels:
    """Six units, three annotators: 110 001 111 010 000 100."""
    rows = [
        (u, j, int(x))
        for u, word in enumerate(["110", "001", "111", "010", "000", "100"])
        for j, x in enumerate(word)
    ]
    unit, annotator, label = (np.array(c) for c in zip(*rows, strict=True))
    return Labels.from_arrays(unit, annotator, label)


# --- Random evidence ---------------------------------------------------------------------------


def random_comparisons(
    seed: int, n: int = 240, items: int = 5, people: int = 6, **more: Any
) -> Comparisons:
    rng = np.random.default_rng(seed)
    a = rng.integers(0, items, n)
    b = (a + rng.integers(1, items, n)) % items
    strength = np.linspace(1, -1, items)[rng.permutation(items)]
    noisy = strength[a] - strength[b] + rng.logistic(size=n)
    y = np.where(
        np.abs(noisy) < 0.3, 0, np.sign(noisy) * (1 + (np.abs(noisy) > 1) + (np.abs(noisy) > 2))
    )
    columns: dict[str, Any] = {
        "annotator": rng.integers(0, people, n),
        "first": rng.choice([-1, 1], n),
        "weight": rng.integers(1, 4, n).astype(float),
    }
    return Comparisons.from_arrays(a, b, y.astype(int), n_items=items, **{**columns, **more})


def random_ballots(seed: int, n: int = 40, items: int = 5, people: int = 8) -> Ballots:
    rng = np.random.default_rng(seed)
    quality = np.linspace(1, -1, items)[rng.permutation(items)]
    rankings = [np.argsort(-(quality + rng.gumbel(size=items))).tolist() for _ in range(n)]
    weight = rng.integers(1, 4, n).astype(float)
    return Ballots.from_rankings(
        rankings, weight=weight, n_items=items, annotator=rng.integers(0, people, n)
    )


def random_labels(
    seed: int, units: int = 40, people: int = 6, classes: int = 3, gold: bool = False
) -> Labels:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, units)
    skill = np.linspace(0.55, 0.95, people)
    unit = np.repeat(np.arange(units), people)
    annotator = np.tile(np.arange(people), units)
    kept = rng.random(len(unit)) < 0.85
    unit, annotator = unit[kept], annotator[kept]
    right = rng.random(len(unit)) < skill[annotator]
    label = np.where(
        right, truth[unit], (truth[unit] + rng.integers(1, classes, len(unit))) % classes
    )
    known = np.where(np.arange(units) < units // 3, truth, -1) if gold else None
    weight = rng.integers(1, 3, len(unit)).astype(float)
    return Labels.from_arrays(
        unit, annotator, label, weight=weight, n_units=units, n_classes=classes, gold=known,
        annotator_ids=range(people),
    )  # fmt: skip


def random_ratings(seed: int, units: int = 6, people: int = 7, groups: int = 1) -> Ratings:
    rng = np.random.default_rng(seed)
    grid = np.indices((groups, people, units)).reshape(3, -1)
    kept = rng.random(grid.shape[1]) < 0.9
    group, annotator, unit = grid[:, kept]
    quality = rng.random(units)
    value = np.clip(quality[unit] + 0.2 * rng.normal(size=len(unit)), 0, 1)
    return Ratings.from_arrays(
        unit, annotator, value, n_units=units, annotator_ids=range(people), lo=0.0, hi=1.0,
        group=group, group_ids=range(groups), weight=rng.integers(1, 3, len(unit)).astype(float),
    )  # fmt: skip


def letters(ids: Sequence[Any]) -> list[str]:
    return [str(i) for i in ids]
