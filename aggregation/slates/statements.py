"""A slate of statements, each standing for an equal part of the people (generative social choice).

For j = 1 … k: r = ceil(n/k) in the first n - k floor(n/k) rounds, floor(n/k) after. Take the
statement whose r-th highest utility among the people not yet served is greatest (ties: the greater
sum over those r); these r people are served by it and leave. With exact answers the slate has
balanced justified representation (BJR): no group of n/k people has a statement that all of them
like at least as much as some level that none of them reaches with the statement they were given.

Picking from a finite pool asks nobody: a table of utilities is enough. `generate` asks for a new
statement instead, and `discriminate` asks how much a person likes one; both are functions given by
the caller, so that people, a model, or a table may answer.

Source: Fish, Gölz, Parkes, Procaccia, Rusak, Shapira & Wüthrich (2024), EC, "Generative social
choice".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from aggregation.slates.certificates import Certificate
from aggregation.slates.ties import CLOSE, MOST_TIES, follow

Floats = NDArray[np.float64]
Person = TypeVar("Person")
Statement = TypeVar("Statement")


@dataclass(frozen=True)
class Slate(Generic[Person, Statement]):
    """Statements in the order found, whom each serves, and the r-th utility it reached."""

    statements: tuple[Statement, ...]
    served: tuple[tuple[Person, ...], ...]
    level: tuple[float, ...]


def round_sizes(people: int, seats: int) -> list[int]:
    """How many people each of the k statements serves; they differ by one at most."""
    whole, more = divmod(people, seats)
    return [whole + (j < more) for j in range(seats)]


def generative_slate(
    people: Sequence[Person],
    seats: int,
    generate: Callable[[Sequence[Person], int], Statement],
    discriminate: Callable[[Person, Statement], float],
) -> Slate[Person, Statement]:
    """The process with queries: generate(unserved people, r) -> a statement of the greatest r-th
    highest utility among them; discriminate(person, statement) -> utility. People are served in
    order of utility, equals in the order given. Raises ValueError where a utility is NaN.
    """
    open_ = list(people)
    statements, served, level = [], [], []
    for size in round_sizes(len(open_), seats):
        if not size:
            break
        statement = generate(tuple(open_), size)
        utility = np.array([discriminate(person, statement) for person in open_])
        if np.isnan(utility).any():
            raise ValueError("A utility is not a number, so nobody can be served by it.")
        order = np.argsort(-utility, kind="stable")
        statements.append(statement)
        served.append(tuple(open_[i] for i in order[:size]))
        level.append(float(utility[order[size - 1]]))
        open_ = [open_[i] for i in sorted(order[size:])]
    return Slate(tuple(statements), tuple(served), tuple(level))


def best_of_pool(utility: Floats, people: Sequence[int], size: int) -> list[int]:
    """Statements of the greatest size-th highest utility, then greatest sum, among people."""
    rows = utility[list(people)]
    top = np.partition(rows, len(rows) - size, axis=0)[len(rows) - size :]
    level, total = top.min(axis=0), top.sum(axis=0)
    where = np.arange(utility.shape[1])
    for column in (level, total):
        top = column[where].max(initial=-np.inf)
        where = where[column[where] >= top - CLOSE * max(1.0, abs(float(top)))]
    return [int(item) for item in where]


def balanced_slate(utility: Floats, seats: int, priority: NDArray[np.int64]) -> Slate[int, int]:
    """The process on a pool: utility float64[N, M] of each person for each statement.

    Statements tied in level and sum are taken in the public order. A statement may be taken again:
    it then stands for several parts of the people, as the guarantee requires.
    """

    def generate(people: Sequence[int], size: int) -> int:
        tied = best_of_pool(utility, people, size)
        return min(tied, key=lambda item: int(priority[item]))

    return generative_slate(
        range(len(utility)), seats, generate, lambda person, item: float(utility[person, item])
    )


def balanced_slates(
    utility: Floats, seats: int, priority: NDArray[np.int64], limit: int = MOST_TIES
) -> tuple[list[Slate[int, int]], bool]:
    """The slates of all ways to break ties between statements, and whether these are all."""
    sizes = [size for size in round_sizes(len(utility), seats) if size]

    def step(state: Slate[int, int]) -> list[Slate[int, int]]:
        done = len(state.statements)
        if done == len(sizes):
            return []
        gone = {person for people in state.served for person in people}
        open_ = [person for person in range(len(utility)) if person not in gone]
        tied = best_of_pool(utility, open_, sizes[done])
        return [
            _with(state, item, open_, utility[open_, item], sizes[done])
            for item in sorted(tied, key=lambda item: int(priority[item]))
        ]

    return follow(Slate((), (), ()), step, _who_gets_what, limit)


def _with(
    state: Slate[int, int], item: int, open_: Sequence[int], liking: Floats, size: int
) -> Slate[int, int]:
    order = np.argsort(-liking, kind="stable")[:size]
    people = tuple(open_[i] for i in order)
    level = (*state.level, float(liking[order[-1]]))
    return Slate((*state.statements, item), (*state.served, people), level)


def _who_gets_what(state: Slate[int, int]) -> frozenset[tuple[int, int]]:
    return frozenset(
        (item, person)
        for item, people in zip(state.statements, state.served, strict=True)
        for person in people
    )


def balanced_representation(utility: Floats, slate: Slate[int, int], seats: int) -> Certificate:
    """BJR of a slate from a pool, whose people were served as recorded. Witness: a statement, a
    level, and how many people would reach it but weren't given as much.
    """
    given = np.full(len(utility), -np.inf)
    for statement, people in zip(slate.statements, slate.served, strict=True):
        given[list(people)] = utility[list(people), statement]
    for item in range(utility.shape[1]):
        for level in np.unique(utility[:, item]):
            short = int(((utility[:, item] >= level) & (given < level)).sum())
            if short and short * seats >= len(utility):
                witness = {"item": item, "level": float(level), "people": short}
                return Certificate("BJR", False, witness)
    return Certificate("BJR", True)
