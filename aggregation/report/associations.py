"""What people declared about themselves beside latent groups: after the fact, and guarded."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregation.report.study import SMALLEST_CELL, Study
from annotation.phrases import say

Longs = NDArray[np.int64]

PERMUTATIONS = 999
COUNTED = say(
    "cells count people, and p is itself a chance, by %(permutations)s permutations",
    permutations=PERMUTATIONS,
)


@dataclass(frozen=True)
class Association:
    """A declared attribute beside latent groups. `cells` [group][value]: people, None: hidden."""

    attribute: str
    values: tuple[str, ...]
    cells: tuple[tuple[int | None, ...], ...]
    p: float | None
    people: int
    sentence: str
    why_no_interval: str = COUNTED


def associations(study: Study) -> tuple[Association, ...]:
    """One per declared attribute; none beside declared groups or a single one."""
    return tuple(_association(study, name) for name in _attributes(study))


def _attributes(study: Study) -> list[str]:
    if not study.several or study.is_declared:
        return []
    names: set[str] = set()
    for said in study.material.attributes.values():
        names |= set(said)
    return sorted(names)


def _association(study: Study, attribute: str) -> Association:
    ids = study.table.annotator_ids
    declared = study.material.attributes
    rows = [
        (int(side), str(value))
        for code, side in zip(study.found.votes.people.tolist(), study.side.tolist(), strict=True)
        if side < study.G
        and code < len(ids)
        and (value := declared.get(str(ids[code]), {}).get(attribute)) not in (None, "")
    ]
    values = sorted({value for _, value in rows})
    table = np.zeros((study.G, len(values)), dtype=np.int64)
    for side, value in rows:
        table[side, values.index(value)] += 1
    kept = [v for v in range(len(values)) if table[:, v].sum() >= SMALLEST_CELL]
    table, values = table[:, kept], [values[v] for v in kept]
    people = int(table.sum())
    p = _permutation(table, study.options.seed)
    cells = tuple(
        tuple(int(n) if n >= SMALLEST_CELL else None for n in row) for row in guarded(table)
    )
    if p is None:
        sentence = say(
            "“%(attribute)s”: too few people declared it to compare groups.", attribute=attribute
        )
    elif p <= 0.05:
        sentence = say(
            "“%(attribute)s” goes together with the groups (p = %(p)s by "
            "permutation, %(people)s people). That is an association, not an "
            "explanation.",
            attribute=attribute,
            p=f"{p:.3f}",
            people=people,
        )
    else:
        sentence = say(
            "“%(attribute)s” doesn't visibly go together with the groups (p = %(p)s "
            "by permutation, %(people)s people).",
            attribute=attribute,
            p=f"{p:.2f}",
            people=people,
        )
    return Association(attribute, tuple(values), cells, p, people, sentence)


def guarded(table: Longs) -> Longs:
    """Cells under five are hidden, and where one alone would be, its neighbours too: a sum would
    give it away.
    """
    shown = table.copy()
    small = shown < SMALLEST_CELL
    for axis in (0, 1):
        alone = small.sum(axis=axis) == 1
        for line in np.flatnonzero(alone):
            cells = shown[:, line] if axis == 0 else shown[line, :]
            left = np.where(cells >= SMALLEST_CELL, cells, np.iinfo(np.int64).max)
            if (left < np.iinfo(np.int64).max).any():
                cells[int(left.argmin())] = 0
    return shown


def _permutation(table: Longs, seed: int) -> float | None:
    """Chance of a chi-square as large if values were dealt to people at random."""
    if table.shape[1] < 2 or table.sum() < 2 * SMALLEST_CELL:
        return None
    rows, columns = np.nonzero(table)
    many = table[rows, columns]
    side, value = np.repeat(rows, many), np.repeat(columns, many)
    rng = np.random.default_rng([seed, 0xA55])
    G, V = table.shape
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    safe = np.where(expected > 0, expected, 1.0)

    def statistic(values: Longs) -> float:
        seen = np.bincount(side * V + values, minlength=G * V).reshape(G, V)
        return float((np.square(seen - expected) / safe).sum())

    observed = statistic(value) - 1e-9
    larger = sum(statistic(rng.permutation(value)) >= observed for _ in range(PERMUTATIONS))
    return round((larger + 1) / (PERMUTATIONS + 1), 4)
