"""Thiele's rules: slates that maximise sum_v w_v sum_{l <= |A_v ∩ S|} λ_l, and best representation.

λ = 1, 1/2, 1/3 … is proportional approval voting; λ = 1, 0, 0 … is Chamberlin–Courant with
approvals. Finding the maximum is NP-hard: few slates are all scored, which finds every tie; beyond
that an integer program (HiGHS) runs under a time limit and states its remaining gap.

Sources: Thiele (1895); Chamberlin & Courant (1983), APSR 77; Lackner & Skowron (2023),
Multi-Winner Voting with Approval Preferences, Springer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, islice
from math import comb
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix, hstack, identity, vstack

from aggregation.slates.approvals import Approvals, Bools, Floats, Longs
from aggregation.slates.ties import CLOSE, MOST_TIES, Slates, best, follow
from aggregation.solving import solved

ALL_SCORED = 200_000  # slates up to which all are scored
CELLS = 20_000_000  # voters x slates up to which all are scored
INFEASIBLE = 2  # status of scipy.optimize.milp
MOST_CUTS = 32  # tied optima that the integer program looks for


@dataclass(frozen=True)
class Optimum:
    """Optimal slates, their common value, and how much more could be possible at most."""

    slates: Slates
    value: float
    gap: float = 0.0


def harmonic(seats: int) -> Floats:
    """1, 1/2, … 1/seats."""
    return np.asarray(1.0 / np.arange(1, seats + 1))


def thiele_value(votes: Approvals, slate: Any, weights: Floats) -> float:
    """sum_v w_v sum_{l <= |A_v ∩ S|} λ_l."""
    gain = np.concatenate([[0.0], np.cumsum(weights)])
    held = votes.approved[:, list(slate)].sum(axis=1)
    return float(votes.weight @ gain[np.minimum(held, len(weights))])


def sequential_thiele(
    votes: Approvals, seats: int, weights: Floats, priority: Longs, limit: int = MOST_TIES
) -> Slates:
    """Seat by seat the item that adds most. All slates that ties allow."""
    step_weight = np.concatenate([weights, [0.0]])

    def step(chosen: frozenset[int]) -> list[frozenset[int]]:
        if len(chosen) == seats:
            return []
        held = votes.approved[:, sorted(chosen)].sum(axis=1)
        gain = (votes.weight * step_weight[np.minimum(held, len(weights))]) @ votes.approved
        free = ~np.isin(np.arange(votes.n_items), sorted(chosen))
        return [chosen | {item} for item in best(gain, free, priority)]

    nobody: frozenset[int] = frozenset()
    ends, complete = follow(nobody, step, lambda chosen: chosen, limit)
    return Slates.of(ends, complete)


def best_thiele(votes: Approvals, seats: int, weights: Floats, time_limit: float = 20.0) -> Optimum:
    """All slates of the highest Thiele value, or the best found within `time_limit` seconds."""
    gain = np.concatenate([[0.0], np.cumsum(weights)])

    def scores(members: Bools) -> Floats:
        held = votes.approved.astype(np.int32) @ members.T.astype(np.int32)
        return np.asarray(votes.weight @ gain[np.minimum(held, len(weights))])

    if _all_can_be_scored(votes.n_items, seats, len(votes.weight)):
        return _score_all(votes.n_items, seats, len(votes.weight), scores)
    solved = _by_program(_thiele_program(votes, seats, weights), votes.n_items, seats, time_limit)
    if solved.slates.committees:
        return solved
    greedy = sequential_thiele(votes, seats, weights, np.arange(votes.n_items))
    most = votes.weight @ gain[np.minimum(votes.approved.sum(axis=1), seats)]
    return _instead(greedy, lambda slate: thiele_value(votes, slate, weights), float(most))


def best_representation(
    utility: Floats, weight: Floats, seats: int, time_limit: float = 20.0
) -> Optimum:
    """All slates S of the highest sum_v w_v max_{c in S} u_vc (utility float64[V, M] >= 0)."""
    n_items = utility.shape[1]

    def scores(members: Bools) -> Floats:
        chosen = np.nonzero(members)[1].reshape(len(members), seats)
        top = utility[:, chosen[:, 0]]
        for column in range(1, seats):
            top = np.maximum(top, utility[:, chosen[:, column]])
        return np.asarray(weight @ top)

    if _all_can_be_scored(n_items, seats, len(weight)):
        return _score_all(n_items, seats, len(weight), scores)
    program = _representation_program(utility, weight, seats)
    solved = _by_program(program, n_items, seats, time_limit)
    if solved.slates.committees:
        return solved
    greedy = greedy_representation(utility, weight, seats, np.arange(n_items))
    most = float(weight @ utility.max(axis=1, initial=0.0))
    return _instead(
        greedy, lambda slate: float(weight @ utility[:, slate].max(axis=1, initial=0.0)), most
    )


def _instead(greedy: Slates, value: Callable[[Any], float], most: float) -> Optimum:
    """The best greedy slate, when the program had no time; the gap is up to what nobody exceeds."""
    best_one = max(greedy.committees, key=value)
    reached = value(best_one)
    return Optimum(Slates((best_one,), complete=False), reached, max(most - reached, 0.0))


def greedy_representation(
    utility: Floats, weight: Floats, seats: int, priority: Longs, limit: int = MOST_TIES
) -> Slates:
    """Seat by seat what raises the representation most; at least 1 - 1/e of the best."""

    def step(chosen: frozenset[int]) -> list[frozenset[int]]:
        if len(chosen) == seats:
            return []
        have = utility[:, sorted(chosen)].max(axis=1, initial=0.0)
        gain = weight @ np.maximum(utility - have[:, None], 0.0)
        free = ~np.isin(np.arange(utility.shape[1]), sorted(chosen))
        return [chosen | {item} for item in best(gain, free, priority)]

    nobody: frozenset[int] = frozenset()
    ends, complete = follow(nobody, step, lambda chosen: chosen, limit)
    return Slates.of(ends, complete)


def _all_can_be_scored(n_items: int, seats: int, voters: int) -> bool:
    count = comb(n_items, seats)
    return count <= ALL_SCORED and count * max(voters, 1) <= CELLS


def _score_all(n_items: int, seats: int, voters: int, scores: Callable[[Bools], Floats]) -> Optimum:
    every = combinations(range(n_items), seats)
    block = max(1, 2_000_000 // max(voters, n_items, 1))
    tied: list[tuple[int, ...]] = []
    value = -np.inf
    while rows := list(islice(every, block)):
        members = np.zeros((len(rows), n_items), dtype=np.bool_)
        members[np.arange(len(rows))[:, None], np.array(rows, dtype=np.int64)] = True
        found = scores(members)
        top = float(found.max())
        slack = CLOSE * max(1.0, abs(top), abs(value) if np.isfinite(value) else 0.0)
        if top > value + slack:
            value, tied = top, []
        tied += [rows[row] for row in np.flatnonzero(found >= value - slack)]
    return Optimum(Slates.of(tied), value)


# --- Integer programs --------------------------------------------------------------------------


@dataclass(frozen=True)
class Program:
    """max cost'z, rows A z between lower and upper; the first M variables say who has a seat."""

    gain: Floats
    rows: Any
    lower: Floats
    upper: Floats
    integral: NDArray[np.int8]


def _thiele_program(votes: Approvals, seats: int, weights: Floats) -> Program:
    """y_vl <= 1 counts the l-th approved seat of v: sum_l y_vl <= sum_{c in A_v} x_c."""
    V, M = votes.approved.shape
    held: Any = csr_matrix(votes.approved, dtype=np.float64)
    counted = coo_matrix(
        (np.ones(V * seats), (np.repeat(np.arange(V), seats), np.arange(V * seats))),
        shape=(V, V * seats),
    )
    size = csr_matrix((np.ones(M), (np.zeros(M, dtype=int), np.arange(M))), (1, M + V * seats))
    gain = np.concatenate([np.zeros(M), np.outer(votes.weight, weights).ravel()])
    integral = np.zeros(M + V * seats, dtype=np.int8)
    integral[:M] = 1
    return Program(
        gain,
        vstack([size, hstack([-held, counted])]).tocsr(),
        np.concatenate([[seats], np.full(V, -np.inf)]),
        np.concatenate([[seats], np.zeros(V)]),
        integral,
    )


def _representation_program(utility: Floats, weight: Floats, seats: int) -> Program:
    """y_vc <= x_c gives voter v to item c: sum_c y_vc <= 1."""
    V, M = utility.shape
    size = csr_matrix((np.ones(M), (np.zeros(M, dtype=int), np.arange(M))), (1, M + V * M))
    one = coo_matrix(
        (np.ones(V * M), (np.repeat(np.arange(V), M), np.arange(V * M))), shape=(V, V * M)
    )
    seat = coo_matrix(
        (-np.ones(V * M), (np.arange(V * M), np.tile(np.arange(M), V))), shape=(V * M, M)
    )
    rows = vstack(
        [size, hstack([csr_matrix((V, M)), one]), hstack([seat, identity(V * M)])]
    ).tocsr()
    integral = np.zeros(M + V * M, dtype=np.int8)
    integral[:M] = 1
    return Program(
        np.concatenate([np.zeros(M), (utility * weight[:, None]).ravel()]),
        rows,
        np.concatenate([[seats], np.full(V + V * M, -np.inf)]),
        np.concatenate([[seats], np.ones(V), np.zeros(V * M)]),
        integral,
    )


class Exhausted:
    """There is no slate that isn't forbidden."""


def _by_program(program: Program, n_items: int, seats: int, time_limit: float) -> Optimum:
    """Solve, then forbid what was found and solve again as long as the value stays the same."""
    until = monotonic() + time_limit
    found: list[tuple[int, ...]] = []
    value, gap, complete = -np.inf, 0.0, False
    while len(found) < MOST_CUTS:
        left = max(until - monotonic(), 0.0)
        answer = _solve(program, found, n_items, seats, left)
        if answer is None or isinstance(answer, Exhausted):
            complete = isinstance(answer, Exhausted)
            break
        slate, reached, missing = answer
        if not found:
            value, gap = reached, missing
        elif reached < value - CLOSE * max(1.0, abs(value)) * 100:
            complete = missing <= 1e-6 * max(1.0, abs(value))
            break
        found.append(slate)
        if gap > 1e-6 * max(1.0, abs(value)) or monotonic() > until:
            break
    return Optimum(Slates.of(found, complete), value, gap)


def _solve(
    program: Program, forbidden: list[tuple[int, ...]], n_items: int, seats: int, seconds: float
) -> tuple[tuple[int, ...], float, float] | Exhausted | None:
    """(slate, value, gap); Exhausted when none is left, None when there was no time to find one."""
    from scipy.optimize import Bounds, LinearConstraint

    size = len(program.gain)
    constraints = [LinearConstraint(program.rows, program.lower, program.upper)]
    if forbidden:
        row = np.repeat(np.arange(len(forbidden)), seats)
        cuts = csr_matrix(
            (np.ones(len(row)), (row, np.array(forbidden).ravel())), (len(forbidden), size)
        )
        constraints.append(LinearConstraint(cuts, -np.inf, seats - 1))
    answer = solved(
        -program.gain,
        constraints=constraints,
        integrality=program.integral,
        bounds=Bounds(0, 1),
        time_limit=seconds,
    )
    if answer.x is None:
        return Exhausted() if answer.status == INFEASIBLE else None
    slate = tuple(np.flatnonzero(answer.x[:n_items] > 0.5).tolist())
    bound = -answer.mip_dual_bound if answer.mip_dual_bound is not None else -answer.fun
    gap = max(0.0, float(bound) + float(answer.fun))
    return slate, -float(answer.fun), 0.0 if gap < 1e-6 * max(1.0, abs(answer.fun)) else gap
