"""How well latent groups are found, what MaxMin then delivers, and how long it takes.

    python -m benchmarks.pluralism [--seeds N] [--only NAME] [--first-seed N] [--kept FILE]

Simulated worlds with known groups, fixed seeds, one core. NAME is one of null, planted, maxmin,
coverage, intervals, minority, speed. With --kept, `intervals` notes every world in a file and goes
on where it was stopped.
"""

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table as Grid
from scipy.special import comb, expit

from aggregation.pluralism import rules
from aggregation.pluralism.choosing import choose_groups
from aggregation.pluralism.latent import Climb, Mixture, fit_mixture, pooled
from aggregation.pluralism.votes import GroupVotes, votes_on_features, votes_on_items
from aggregation.pluralism.welfare import pooled_probabilities, welfare
from aggregation.tables import Comparisons
from benchmarks.report_intervals import SHARES, U, intervals

Array = NDArray[Any]
FEATURES = Climb(ridge=1.0)


def planted_votes(
    seed: int,
    w: Array | None = None,
    shares: tuple[float, ...] = (0.6, 0.3, 0.1),
    people: int = 120,
    each: int = 20,
    d: int = 8,
    random: float = 0.0,
) -> tuple[GroupVotes, Array, Array, Array]:
    """Votes on feature differences, true group per person, who votes at random, true weights."""
    rng = np.random.default_rng(seed)
    if w is None:
        w = rng.normal(size=(len(shares), d))
        w = w * 3 / np.linalg.norm(w, axis=1, keepdims=True)
    group = np.repeat(np.arange(len(shares)), [round(s * people) for s in shares])
    careless = rng.random(people) < random
    who = np.repeat(np.arange(people), each)
    x = rng.normal(size=(len(who), w.shape[1])).astype(np.float32)
    chance = np.where(careless[who], 0.5, expit((x * w[group[who]]).sum(axis=1)))
    y = np.where(rng.random(len(who)) < chance, 1, -1)
    zero = np.zeros(len(who), dtype=int)
    table = Comparisons.from_arrays(zero, zero + 1, y, annotator=who, x=x)
    return votes_on_features(table), group, careless, w


def opinions(seed: int, each: int, people: int = 100) -> tuple[Comparisons, Array]:
    """Votes on random pairs of five candidates by three groups with utilities U."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(3), np.round(SHARES * people).astype(int))
    who = np.repeat(np.arange(people), each)
    a = rng.integers(0, 5, len(who))
    b = (a + rng.integers(1, 5, len(who))) % 5
    rows = np.arange(len(who))
    chance = expit(U[group[who]][rows, a] - U[group[who]][rows, b])
    y = np.where(rng.random(len(who)) < chance, 1, -1)
    return Comparisons.from_arrays(a, b, y, annotator=who, n_items=5), group


def rand_index(one: Array, two: Array) -> float:
    """Adjusted Rand index."""
    table = np.zeros((one.max() + 1, two.max() + 1))
    np.add.at(table, (one, two), 1)
    both = comb(table, 2).sum()
    rows, columns = comb(table.sum(axis=1), 2).sum(), comb(table.sum(axis=0), 2).sum()
    expected = rows * columns / comb(len(one), 2)
    return float((both - expected) / ((rows + columns) / 2 - expected))


def groups_of(mixture: Mixture) -> Array:
    return np.asarray(mixture.gamma[:, :-1].argmax(axis=1))


def null(seeds: int) -> Grid:
    """One true group: is one reported?"""
    grid = Grid("world", "one group", "careless share", "careless found", "honest flagged")
    for name, world in (
        ("60 people × 15 votes", {"people": 60, "each": 15}),
        ("100 × 20, 15 % at random", {"people": 100, "each": 20, "random": 0.15}),
    ):
        found = []
        for seed in range(seeds):
            votes, _, careless, _ = planted_votes(seed, shares=(1.0,), **world)
            choice = choose_groups(votes, FEATURES, np.random.default_rng(seed))
            flagged = choice.mixture.gamma[:, -1] > 0.5
            caught = flagged[careless].mean() if careless.any() else np.nan
            found.append(
                (
                    choice.n_groups == 1,
                    choice.mixture.noise_share,
                    caught,
                    flagged[~careless].mean(),
                )
            )
        ones, share, caught, wrong = np.array(found, dtype=float).T
        grid.add_row(
            name, f"{int(ones.sum())}/{seeds}", f"{share.mean():.3f}",
            f"{np.mean(caught):.2f}", f"{wrong.mean():.3f}",
        )  # fmt: skip
    return grid


def planted(seeds: int) -> Grid:
    """Three groups .6/.3/.1 of 120 people: found, counted, and predicted?"""
    grid = Grid(
        "votes each", "Rand at 3 (mean)", "Rand (median)", "accuracy pooled → mixture",
        "minority pooled → mixture", "number by BIC", "by held-out", "chosen",
    )  # fmt: skip
    for each, random in ((5, 0.0), (10, 0.0), (20, 0.0), (40, 0.0), (20, 0.1)):
        rows, numbers = [], []
        for seed in range(seeds):
            votes, group, careless, w = planted_votes(seed, each=each, random=random)
            rng = np.random.default_rng(seed)
            choice = choose_groups(votes, FEATURES, rng)
            numbers.append((choice.by_bic, choice.by_heldout, choice.n_groups))
            three = fit_mixture(votes, 3, FEATURES, np.random.default_rng(seed))
            rows.append(
                (
                    rand_index(group[~careless], groups_of(three)[~careless]),
                    *_accuracies(three, pooled(votes, FEATURES), group, w),
                )
            )
        r = np.array(rows)
        mean = r.mean(axis=0)
        said = [
            " ".join("–" if n is None else str(n) for n in c) for c in zip(*numbers, strict=True)
        ]
        grid.add_row(
            f"{each}" + (" (10 % random)" if random else ""), f"{mean[0]:.2f}",
            f"{np.median(r[:, 0]):.2f}", f"{mean[1]:.3f} → {mean[2]:.3f}",
            f"{mean[3]:.2f} → {mean[4]:.2f}", *said,
        )  # fmt: skip
    return grid


def _accuracies(three: Mixture, one: Mixture, group: Array, w: Array) -> tuple[float, ...]:
    """Agreement in sign with each person's true utility: everyone, and the smallest group."""
    pairs = np.random.default_rng(99).normal(size=(4000, w.shape[1]))
    true = pairs @ w.T > 0
    single = (pairs @ one.parameters > 0) == true
    own = (pairs @ three.parameters)[:, groups_of(three)] > 0
    hit = (own == true[:, group]).mean(axis=0)
    share = np.bincount(group) / len(group)
    return (
        float(single.mean(axis=0) @ share),
        float(hit.mean()),
        float(single[:, -1].mean()),
        float(hit[group == group.max()].mean()),
    )


def maxmin(seeds: int) -> Grid:
    """Decisions from votes, valued by the true welfare of the worst-off group (optimum .529)."""
    grid = Grid(
        "votes each", "Rand", "P(pick = C)", "true min of pick", "of lottery", "plug-in lottery",
        "of Bradley–Terry pick",
    )  # fmt: skip
    true = welfare(U)
    for each in (6, 12, 24, 48):
        rows = []
        for seed in range(seeds):
            table, group = opinions(seed, each)
            mixture = fit_mixture(votes_on_items(table), 3, Climb(), np.random.default_rng(seed))
            u = mixture.parameters.T
            W, pi = welfare(u), mixture.shares
            pick, lottery = rules.maxmin_pick(W, pi), rules.maxmin_lottery(W, pi)
            one = rules.bradley_terry(pooled_probabilities(u, pi), W, pi)
            delivered = [(true @ d.lottery).min() for d in (pick, lottery, one)]
            rows.append(
                (rand_index(group, groups_of(mixture)), pick.picks == (2,), delivered[0],
                 delivered[1], lottery.minimum, delivered[2])
            )  # fmt: skip
        grid.add_row(str(each), *(f"{v:.3f}" for v in np.array(rows, dtype=float).mean(axis=0)))
    return grid


def minority(seeds: int) -> Grid:
    """Groups .8/.2 without random votes: whom a filter on strength would delete (lowest fifth)."""
    grid = Grid("cosine", "minority in lowest fifth, pooled", "group-aware", "share of the data")
    for cosine in (-1.0, 0.0, 0.5):
        rows = []
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            basis = np.linalg.qr(rng.normal(size=(16, 2)))[0].T * 3
            w = np.stack([basis[0], cosine * basis[0] + np.sqrt(1 - cosine**2) * basis[1]])
            votes, group, _, _ = planted_votes(seed, w, shares=(0.8, 0.2), people=100)
            one = pooled(votes, FEATURES)
            two = fit_mixture(votes, 2, FEATURES, np.random.default_rng(seed))
            said = 2 * votes.k - 1
            small = group[votes.annotator] == 1
            own = (two.gamma[:, :-1] / two.gamma[:, :-1].sum(axis=1, keepdims=True))[
                votes.annotator
            ]
            plain = said * votes.design.log_odds(one.parameters)[:, 0]
            aware = said * (own * votes.design.log_odds(two.parameters)).sum(axis=1)
            rows.append(
                [small[s <= np.quantile(s, 0.2)].mean() for s in (plain, aware)] + [small.mean()]
            )
        grid.add_row(f"{cosine:g}", *(f"{v:.3f}" for v in np.mean(rows, axis=0)))
    return grid


def coverage(seeds: int) -> Grid:
    """Do 95 % intervals of the MaxMin value of C cover the truth? Resampling annotators."""
    from aggregation.catalogue import METHODS

    grid = Grid("votes each", "covers .414", "mean width", "how often C wins a resample")
    method = METHODS["maxmin"]
    rows = []
    for seed in range(seeds):
        table, _ = opinions(seed, 24)
        result = method.fit(table, method.options(groups=3, replicates=100, restarts=4))
        assert result.lo is not None
        assert result.hi is not None
        assert result.p_best is not None
        lo, hi = result.lo[2], result.hi[2]
        rows.append((lo <= 0.4138 <= hi, hi - lo, result.p_best[2]))
    grid.add_row("24", *(f"{v:.3f}" for v in np.array(rows, dtype=float).mean(axis=0)))
    return grid


def speed(seeds: int) -> Grid:
    """100,000 votes of 1,000 annotators on 32 features, groups 1 to 5, five restarts."""
    grid = Grid("votes", "annotators", "features", "seconds", "groups", "Rand")
    votes, group, _, _ = planted_votes(0, shares=(0.5, 0.3, 0.2), people=1000, each=100, d=32)
    started = time.perf_counter()
    how = Climb(ridge=1.0, restarts=5)
    choice = choose_groups(votes, how, np.random.default_rng(0), most=5)
    took = time.perf_counter() - started
    index = rand_index(group, groups_of(choice.mixture))
    grid.add_row("100,000", "1,000", "32", f"{took:.1f}", str(choice.n_groups), f"{index:.2f}")
    return grid


CASES: dict[str, Callable[[int], Grid]] = {
    "null": null,
    "planted": planted,
    "maxmin": maxmin,
    "minority": minority,
    "coverage": coverage,
    "intervals": intervals,
    "speed": speed,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--only", choices=tuple(CASES))
    parser.add_argument("--first-seed", type=int, default=0, help="of intervals")
    parser.add_argument("--kept", type=Path, help="worlds of intervals, a JSON object a line")
    chosen = parser.parse_args()
    first, kept = chosen.first_seed, chosen.kept
    cases = CASES | {"intervals": lambda seeds: intervals(seeds, first, kept)}
    console = Console(width=150)
    for name, case in cases.items():
        if chosen.only in (None, name):
            grid = case(chosen.seeds)
            grid.title = f"{name}: {(CASES[name].__doc__ or '').splitlines()[0]}"
            console.print(grid)


if __name__ == "__main__":
    main()
