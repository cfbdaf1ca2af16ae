"""How well personal rewards are learned, whom they help, and how long it takes.

    python -m benchmarks.personal [--seeds N] [--only NAME]

Simulated worlds with known tastes, fixed seeds, one core. NAME is one of pal, vpl, questions,
speed.
"""

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table as Grid
from scipy.special import expit

from aggregation.personal.bench import Bench
from aggregation.personal.ideal_points import IdealPoints, Pal, fit_pal
from aggregation.personal.latents import Vpl, fit_vpl
from aggregation.personal.votes import PersonalVotes, votes_on_embeddings
from aggregation.pluralism.choosing import choose_groups
from aggregation.pluralism.latent import Climb
from aggregation.pluralism.onboarding import belief_after, information
from aggregation.pluralism.votes import votes_on_features
from aggregation.tables import Comparisons
from aggregation.tables.embedded import EmbeddedComparisons

Array = NDArray[Any]


def table_of(z: Array, a: Array, b: Array, y: Array, who: Array) -> EmbeddedComparisons:
    zero = np.zeros(len(y), dtype=int)
    table = Comparisons.from_arrays(zero, zero + 1, y, annotator=who, x=z[a] - z[b])
    return EmbeddedComparisons.of(table, z, a, b)


def ideal_points(
    seed: int, mixed: bool, people: int = 60, each: int = 30, d: int = 8
) -> tuple[EmbeddedComparisons, Array]:
    """Votes for the nearer of two texts, 5 % flipped; three prototypes, or mixtures of them."""
    rng = np.random.default_rng(seed)
    P = rng.normal(size=(3, d)) * 1.4
    share = rng.dirichlet(np.ones(3), people) if mixed else np.eye(3)[np.arange(people) % 3]
    u = share @ P
    n = people * each
    z = rng.normal(size=(2 * n, d)).astype(np.float32)
    a, b, who = np.arange(n), n + np.arange(n), np.repeat(np.arange(people), each)
    nearer = ((z[b] - u[who]) ** 2).sum(axis=1) > ((z[a] - u[who]) ** 2).sum(axis=1)
    y = np.where(nearer ^ (rng.random(n) < 0.05), 1, -1)
    return table_of(z, a, b, y, who), u


def agreement(
    model: IdealPoints, votes: PersonalVotes, weights: Array, table: EmbeddedComparisons, u: Array
) -> float:
    """Sign agreement with people's true utility on fresh pairs."""
    left, right = np.random.default_rng(99).integers(0, len(votes.points), (2, 3000))
    assert table.vectors is not None
    z = table.vectors[votes.source].astype(np.float64)
    own = u[votes.people]
    true = 2 * own @ z.T - (z * z).sum(axis=1)
    said = model.rewards(votes, weights)
    same = np.sign(said[:, left] - said[:, right]) == np.sign(true[:, left] - true[:, right])
    return float(same[:, left != right].mean())


def pal(seeds: int) -> Grid:
    """Three prototypes, 45 people of 30 votes and 15 newcomers."""
    grid = Grid("K", "seen", "newcomers 5 / 10 / 20 votes", "seen, mixtures", "K chosen (whole)")
    chosen = []
    for seed in range(seeds):
        table, _ = ideal_points(seed, mixed=False)
        votes = votes_on_embeddings(table)
        fit = fit_pal(votes, Pal(device="cpu"), np.random.default_rng(seed), Bench())
        chosen.append(fit.model.n_prototypes)
    for K in range(1, 6):
        rows = []
        for seed in range(seeds):
            row: list[float] = []
            for mixed in (False, True):
                table, u = ideal_points(seed, mixed)
                votes = votes_on_embeddings(table)
                old = votes.people < 45
                seen, new = votes.of_people(old), votes.of_people(~old)
                how = Pal(prototypes=K, device="cpu")
                model = fit_pal(seen, how, np.random.default_rng(seed), Bench()).model
                row.append(agreement(model, seen, model.weights(), table, u))
                if mixed:
                    continue
                starts = np.searchsorted(new.person, np.arange(new.n_people))
                place = np.arange(len(new)) - starts[new.person]
                for m in (5, 10, 20):
                    weights = model.newcomers(new.take(place < m))
                    row.append(agreement(model, new, weights, table, u))
            rows.append(row)
        seen_, five, ten, twenty, mixtures = np.mean(rows, axis=0)
        said = " ".join(map(str, chosen)) if K == 3 else ""
        grid.add_row(
            str(K),
            f"{seen_:.3f}",
            f"{five:.3f} / {ten:.3f} / {twenty:.3f}",
            f"{mixtures:.3f}",
            said,
        )
    return grid


def vpl(seeds: int) -> Grid:
    """Three groups of 1,500 people, 40 votes each on eight features."""
    grid = Grid(
        "context / KL", "accuracy", "shuffled", "KL nats", "active of 8", "signal", "oracle", "s"
    )
    for context, kl in ((2, 1e-3), (4, 1e-3), (8, 1e-3), (16, 1e-3), (8, 1e-2), (8, 0.1), (8, 1.0)):
        rows = []
        for seed in range(min(seeds, 2)):
            rng = np.random.default_rng(seed)
            people, each = 1500, 40
            n = people * each
            w = rng.normal(size=(3, 8))
            w = 3 * w / np.linalg.norm(w, axis=1, keepdims=True)
            z = rng.normal(size=(2 * n, 8)).astype(np.float32)
            a, b, who = np.arange(n), n + np.arange(n), np.repeat(np.arange(people), each)
            eta = ((z[a] - z[b]) * w[who % 3]).sum(axis=1)
            y = np.where(rng.random(n) < expit(eta), 1, -1)
            votes = votes_on_embeddings(table_of(z, a, b, y, who))
            started = time.perf_counter()
            how = Vpl(context=context, kl=kl, seed=seed, device="cpu")
            found = fit_vpl(votes, how, np.random.default_rng(seed), Bench()).diagnosis
            rows.append(
                (found.accuracy, found.shuffled, found.kl, found.active, found.is_personal,
                 (np.sign(eta) == y).mean(), time.perf_counter() - started)
            )  # fmt: skip
        acc, shuffled, nats, active, signal, oracle, took = np.mean(rows, axis=0)
        grid.add_row(
            f"{context} / {kl:g}", f"{acc:.3f}", f"{shuffled:.3f}", f"{nats:.2f}", f"{active:.1f}",
            f"{signal:.1f}", f"{oracle:.3f}", f"{took:.0f}",
        )  # fmt: skip
    return grid


def questions(seeds: int) -> Grid:
    """Right group of a newcomer after 1, 2, 3, 10 questions of 200, three groups."""
    grid = Grid("questions", "1", "2", "3", "10")
    marks = (1, 2, 3, 10)
    rates: dict[str, Array] = {}
    for name, share in (("by chance", 1.0), ("one in five by chance", 0.2), ("most telling", 0.0)):
        right = np.zeros(4)
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            w = rng.normal(size=(3, 8))
            w = 3 * w / np.linalg.norm(w, axis=1, keepdims=True)
            p = expit(rng.normal(size=(200, 8)) @ w.T)
            for person in range(60):
                gamma, free = np.full(3, 1 / 3), np.ones(200, dtype=bool)
                for asked in range(1, 11):
                    chance = rng.random() < share
                    worth = rng.random(200) if chance else information(gamma, p)
                    q = int(np.where(free, worth, -1.0).argmax())
                    free[q] = False
                    gamma = belief_after(gamma, p[[q]], [float(rng.random() < p[q, person % 3])])
                    if asked in marks:
                        right[marks.index(asked)] += gamma.argmax() == person % 3
        rates[name] = right / (seeds * 60)
        grid.add_row(name, *(f"{r:.2f}" for r in rates[name]))
    return grid


def speed(seeds: int) -> Grid:
    """100,000 votes of 1,000 annotators on 20,000 texts of 32 features; K and groups 1 to 5."""
    grid = Grid("method", "seconds", "× mixture", "chosen")
    rng = np.random.default_rng(0)
    A, N, M, d = 1000, 100_000, 20_000, 32
    z = rng.normal(size=(M, d)).astype(np.float32)
    P = rng.normal(size=(3, d))
    who = np.repeat(np.arange(A), N // A)
    a = rng.integers(0, M, N)
    b = (a + rng.integers(1, M, N)) % M
    u = P[who % 3]
    eta = (((z[b] - u) ** 2).sum(axis=1) - ((z[a] - u) ** 2).sum(axis=1)) / 4
    table = table_of(z, a, b, np.where(rng.random(N) < expit(eta), 1, -1), who)
    started = time.perf_counter()
    how = Climb(ridge=1.0, restarts=5)
    groups = choose_groups(votes_on_features(table), how, np.random.default_rng(0), most=5)
    mixture = time.perf_counter() - started
    grid.add_row("mixture", f"{mixture:.1f}", "1.0", str(groups.n_groups))
    started = time.perf_counter()
    votes = votes_on_embeddings(table)
    fit = fit_pal(votes, Pal(device="cpu"), np.random.default_rng(0), Bench())
    took = time.perf_counter() - started
    grid.add_row("PAL", f"{took:.1f}", f"{took / mixture:.1f}", str(fit.model.n_prototypes))
    started = time.perf_counter()
    found = fit_vpl(votes, Vpl(device="cpu"), np.random.default_rng(0), Bench())
    took = time.perf_counter() - started
    said = f"{found.diagnosis.accuracy:.3f} ({found.diagnosis.shuffled:.3f} shuffled)"
    grid.add_row("VPL", f"{took:.1f}", f"{took / mixture:.1f}", said)
    return grid


CASES: dict[str, Callable[[int], Grid]] = {
    "pal": pal,
    "vpl": vpl,
    "questions": questions,
    "speed": speed,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", choices=tuple(CASES))
    chosen = parser.parse_args()
    console = Console(width=130)
    for name, case in CASES.items():
        if chosen.only in (None, name):
            grid = case(chosen.seeds)
            grid.title = f"{name}: {(case.__doc__ or '').splitlines()[0]}"
            console.print(grid)


if __name__ == "__main__":
    main()
