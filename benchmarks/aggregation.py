"""How fast aggregation is, as ratios to the best correct peer on the same data in the same run.

    python -m benchmarks.aggregation [--quick] [--only NAME]

Peers come from the extras `dev` (choix, evalica) and `peers` (crowd-kit, scikit-learn); a peer that
is not installed is left out. pref_voting asks for older versions of numba and filelock than this
project's tools have, though its rules run with newer ones; so it goes without its requirements into
an environment of its own:

    python -m venv peers && . peers/bin/activate
    pip install -c constraints.txt -e ".[dev,peers]"
    pip install --no-deps pref_voting random2 preflibtools prefsampling nashpy
    pip install numba ortools tabulate seaborn pathos

Every figure is the best of several runs on one core; quote ratios, not seconds. A line without an
aim that starts with "limit" is what the line above it cannot go below on this machine, measured in
the same run.
"""

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table as Grid

from aggregation.catalogue import METHODS
from aggregation.diagnostics.agreement import krippendorff_alpha
from aggregation.tables import Ballots, Comparisons, Labels, PairCounts
from aggregation.tables.pair_cells import PairCells
from aggregation.uncertainty import cluster_weight_rows

ENOUGH, MOST_RUNS = 0.5, 200  # seconds, and runs, after which no more are made
RIVAL_RUNS, RIVAL_SECONDS = 5, 3.0  # of a rival that takes long, the first run counts
Case = Callable[[bool], list[tuple[str, float, float | None, float | None]]]


def best_of(action: Callable[[], Any], runs: int = 5) -> float:
    """Shortest of several runs, in seconds of the processor: other programs on the machine don't
    count, and on one core that is the time it takes. What is quick runs more often, for the caches
    of a shared machine are rarely its own.
    """
    times: list[float] = []
    while len(times) < runs or (sum(times) < ENOUGH and len(times) < MOST_RUNS):
        started = time.process_time()
        action()
        times.append(time.process_time() - started)
    return min(times)


def by_turns(*actions: Callable[[], Any], runs: int = 9) -> list[float]:
    """Shortest of as many runs of each, in turn, for ratios of what takes about as long as others
    may take of a shared machine's caches.
    """
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(runs):
        for action, taken in zip(actions, times, strict=True):
            started = time.process_time()
            action()
            taken.append(time.process_time() - started)
    return [min(taken) for taken in times]


def votes(n: int, K: int, people: int, seed: int = 0) -> dict[str, Any]:
    """Raw columns of n votes by Bradley–Terry strengths."""
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=K)
    a = rng.integers(0, K, n, dtype=np.int32)
    b = ((a + rng.integers(1, K, n)) % K).astype(np.int32)
    y = np.where(rng.random(n) < 1 / (1 + np.exp(theta[b] - theta[a])), 1, -1).astype(np.int8)
    return {
        "a": a,
        "b": b,
        "y": y,
        "annotator": rng.integers(0, people, n, dtype=np.int32),
        "n_items": K,
    }


def fit(slug: str, table: Any, **options: Any) -> Any:
    return METHODS[slug].fit(table, METHODS[slug].options(**options))


def bradley_terry(quick: bool) -> list[tuple[str, float, float | None, float | None]]:
    """From raw columns to strengths, against choix on counts it is given ready-made."""
    rows = []
    for n, K in (
        ((10**6, 50), (10**6, 1000))
        if quick
        else ((10**6, 50), (10**6, 1000), (10**7, 50), (10**7, 1000))
    ):
        data = votes(n, K, 1000)
        columns = {name: data[name] for name in ("a", "b", "y", "n_items")}
        ours = best_of(
            lambda c=columns: fit("bradley_terry", Comparisons.from_arrays(**c), ci="none")
        )  # type: ignore[misc]
        counts = np.asarray(Comparisons.from_arrays(**columns).pair_counts().wins)
        solved = _choix(counts)
        rival = None if solved is None else solved + _pack(data)
        rows.append(
            (
                f"Bradley–Terry, {n:.0e} votes, {K} items (choix and one bincount)",
                ours,
                rival,
                1.2 if K == 50 or n > 10**6 else 0.6,
            )
        )
        if K == 50:
            reading = best_of(lambda c=columns: Comparisons.from_arrays(**c))  # type: ignore[misc]
            pack = _pack(data)
            rows.append(
                ("  limit: columns checked and counted (one bincount)", reading, pack, None)
            )
        if n == 10**6 and K == 50:
            rows.append(("  the same against evalica on rows", ours, _evalica(data), 0.02))
    return rows


def _choix(counts: Any) -> float | None:
    try:
        import choix
    except ImportError:
        return None
    return best_of(lambda: choix.ilsr_pairwise_dense(counts), 3)


def _pack(data: dict[str, Any]) -> float:
    """What counting costs a user of dense counts: one `bincount` over keys he has ready."""
    K = data["n_items"]
    winner = np.where(data["y"] > 0, data["a"], data["b"]).astype(np.int64)
    key = winner * K + np.where(data["y"] > 0, data["b"], data["a"])
    return best_of(lambda: np.bincount(key, minlength=K * K).reshape(K, K).astype(np.float64))


def _evalica(data: dict[str, Any]) -> float | None:
    try:
        import evalica
    except ImportError:
        return None
    xs, ys = data["a"].tolist(), data["b"].tolist()
    winners = [evalica.Winner.X if y > 0 else evalica.Winner.Y for y in data["y"].tolist()]
    return best_of(lambda: evalica.bradley_terry(xs, ys, winners), 2)


def uncertainty(quick: bool) -> list[tuple[str, float, float | None, float | None]]:
    n = 10**6 if quick else 10**7
    table = Comparisons.from_arrays(**votes(n, 1000, 2000))
    table.pair_counts()
    rng = np.random.default_rng(0)
    key, score = rng.integers(0, 2_000_000, n), rng.normal(size=n)
    with_errors, without, single, weighted = by_turns(
        lambda: fit("bradley_terry", table, ci="cluster"),
        lambda: fit("bradley_terry", table, ci="none"),
        lambda: np.bincount(key, minlength=2_000_000),
        lambda: np.bincount(key, score, minlength=2_000_000),
    )
    small = Comparisons.from_arrays(**votes(10**5, 50, 1000))
    tracemalloc.start()
    resampled = best_of(lambda: fit("bradley_terry", small, replicates=1000), 1)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    resampled = best_of(lambda: fit("bradley_terry", small, replicates=1000), 1)
    return [
        (
            f"cluster sandwich, {n:.0e} votes, 1000 items (in bincount passes)",
            with_errors - without,
            single,
            8.0,
        ),
        ("  the same in passes that add up scores", with_errors - without, weighted, None),
        (
            f"1000 bootstrap replicates, 1e5 votes, 50 items ({peak:.0f} MB; scikit-learn)",
            resampled,
            _logistic(small),
            0.35,
        ),
        noisy(),
    ]


def _logistic(table: Comparisons, fits: int = 50) -> float | None:
    """1000 fits of scikit-learn's logistic regression to reweighted pair counts it has ready.

    Two rows per ordered pair at most, weighted by counts, is the smallest input it can be given;
    the quickest of its solvers that reach the maximum is taken. Measured over `fits` of them.
    """
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        return None
    cells = PairCells.of(table)
    K = table.n_items
    wins = np.stack([c.wins for c in cells.replicates(cluster_weight_rows(0, fits, 1000))])
    i, j = np.triu_indices(K, 1)
    rows = np.zeros((len(i), K))
    rows[np.arange(len(i)), i], rows[np.arange(len(i)), j] = 1.0, -1.0
    X, y = np.concatenate([rows, rows]), np.repeat([1, 0], len(i))
    seconds = []
    for solver in ("lbfgs", "newton-cholesky"):
        # C this large is no penalty to speak of, and keeps the solvers from a singular matrix.
        model = LogisticRegression(C=1e6, fit_intercept=False, solver=solver)
        started = time.process_time()
        for won in wins:
            model.fit(X, y, sample_weight=np.concatenate([won[i, j], won[j, i]]))
        seconds.append((time.process_time() - started) * 1000 / fits)
    return min(seconds)


def noisy() -> tuple[str, float, float | None, float | None]:
    """Bradley–Terry with annotators' skills and biases, each to its own convergence."""
    data = votes(10**4, 50, 100) | {"first": np.ones(10**4, dtype=np.int8)}
    ours = best_of(lambda: fit("noisy_bradley_terry", Comparisons.from_arrays(**data)), 2)
    name = "noisy Bradley–Terry, 1e4 votes, 50 items, 100 annotators (crowd-kit)"
    try:
        from crowdkit.aggregation import NoisyBradleyTerry
    except ImportError:
        return name, ours, None, 0.05
    import pandas as pd

    frame = pd.DataFrame({"worker": data["annotator"], "left": data["a"], "right": data["b"]})
    frame["label"] = np.where(data["y"] > 0, data["a"], data["b"])
    return name, ours, best_of(lambda: NoisyBradleyTerry().fit(frame), 1), 0.05


def labels(quick: bool) -> list[tuple[str, float, float | None, float | None]]:
    n = 10**5 if quick else 10**6
    rng = np.random.default_rng(0)
    units, people, C = n // 5, 1000, 3
    truth = rng.integers(0, C, units)
    unit = np.repeat(np.arange(units), 5)
    annotator = rng.integers(0, people, n)
    right = rng.random(n) < rng.uniform(0.5, 0.95, people)[annotator]
    label = np.where(right, truth[unit], rng.integers(0, C, n))
    columns = [column.astype(np.int32) for column in (unit, annotator)]  # as tables hold them
    rows: list[tuple[str, float, float | None, float | None]] = []
    for slug, (rival, aim) in CROWD.items():
        holder: dict[str, Any] = {}
        kinds = 2 if slug == "kos" else C  # KOS is a rule for two classes
        said, right_one = np.minimum(label, kinds - 1), np.minimum(truth, kinds - 1)

        coded = said.astype(np.int32)

        def action(slug: str = slug, coded: Any = coded, holder: dict[str, Any] = holder) -> None:
            holder["result"] = METHODS[slug].fit(Labels.from_arrays(*columns, coded))

        seconds = best_of(action, 2)
        result = holder["result"]
        accuracy = float((result.label == right_one).mean())
        theirs = _crowd_kit(rival, result.fit.iters, unit, annotator, said, right_one)
        rows.append(
            (
                f"{METHODS[slug].title}, {n:.0e} labels, accuracy {accuracy:.4f}, "
                f"{result.fit.iters} steps"
                + ("" if theirs is None else f" (crowd-kit, accuracy {theirs[1]:.4f})"),
                seconds,
                None if theirs is None else theirs[0],
                aim,
            )
        )
        if slug == "majority":
            read = partial(Labels.from_arrays, *columns, coded)
            digest = best_of(lambda read=read: read().digest())  # type: ignore[misc]
            rows.append(("  SHA-256 of its columns, for whoever asks for it", digest, None, None))
    return rows


CROWD = {
    "majority": ("MajorityVote", 0.05),
    "dawid_skene": ("DawidSkene", 0.12),
    "one_coin": ("OneCoinDawidSkene", 0.2),
    "mace": ("MACE", 0.1),
    "glad": ("GLAD", 0.1),
    "kos": ("KOS", 0.1),
}


def _crowd_kit(
    name: str, steps: int, unit: Any, annotator: Any, label: Any, truth: Any
) -> tuple[float, float] | None:
    """Seconds of crowd-kit on a data frame, the best of up to RIVAL_RUNS within a few seconds, and
    its accuracy.

    Its EM would stop after few steps by a tolerance of its own; here it takes as many as ours.
    """
    try:
        import crowdkit.aggregation as crowdkit
    except ImportError:
        return None
    import pandas as pd

    frame = pd.DataFrame({"task": unit, "worker": annotator, "label": label})
    same = {"n_iter": steps, "tol": float("-inf")}
    given = {"DawidSkene": same, "OneCoinDawidSkene": same, "MACE": {"n_iter": steps}}
    times: list[float] = []
    while len(times) < RIVAL_RUNS and sum(times) < RIVAL_SECONDS:
        rule = getattr(crowdkit, name)(**given.get(name, {}))
        started = time.process_time()
        said = rule.fit_predict(frame)
        times.append(time.process_time() - started)
    return min(times), float((said.reindex(range(len(truth))).to_numpy() == truth).mean())


def agreement(quick: bool) -> list[tuple[str, float, float | None, float | None]]:
    n = 10**6
    rng = np.random.default_rng(0)
    table = Labels.from_arrays(
        np.repeat(np.arange(n // 5), 5), np.tile(np.arange(5), n // 5), rng.integers(0, 4, n)
    )
    ours = best_of(
        lambda: krippendorff_alpha(
            Labels.from_arrays(table.unit, table.annotator, table.label).counts(), "interval"
        )
    )
    try:
        import evalica
    except ImportError:
        return [("alpha, 1e6 labels", ours, None, 0.4)]
    import pandas as pd

    frame = pd.DataFrame(table.label.reshape(-1, 5).T.astype(float))
    rival = best_of(lambda: evalica.alpha(frame, distance="interval"), 3)
    return [("Krippendorff's alpha, 1e6 labels (evalica)", ours, rival, 0.4)]


def rankings(quick: bool) -> list[tuple[str, float, float | None, float | None]]:
    """Plackett–Luce from ballots, errors over people included, against choix on lists of tuples,
    which gives none.
    """
    rows = []
    for n, K, listed in ((1_000, 12, 12), (10_000, 50, 5), (1_000, 100, 100)):
        rng = np.random.default_rng(0)
        drawn = rng.normal(size=K) + rng.gumbel(size=(n, K))  # the order of these is Plackett–Luce
        shown = np.argsort(rng.random((n, K)), axis=1)[:, :listed]
        order = np.argsort(-np.take_along_axis(drawn, shown, axis=1), axis=1)
        orders = np.take_along_axis(shown, order, axis=1).tolist()
        table = Ballots.from_rankings(orders, annotator=np.arange(n), n_items=K)
        strengths = fit("plackett_luce", table).score
        ours = best_of(partial(fit, "plackett_luce", table))
        name = f"Plackett–Luce, {n:,} ballots of {listed} of {K} items (choix)"
        rows.append((name, ours, _choix_rankings(K, orders, strengths), None))
        if listed == K == 12:
            resampled = best_of(partial(fit, "plackett_luce", table, replicates=200), 1)
            rows.append(("  200 bootstrap replicates of it", resampled, None, None))
    return rows


def _choix_rankings(K: int, orders: list[list[int]], strengths: Any) -> float | None:
    """Its I-LSR, the quickest of its solvers here by far, where it finds what we do."""
    try:
        import choix
    except ImportError:
        return None
    data = [tuple(order) for order in orders]
    found = choix.ilsr_rankings(K, data)
    assert np.abs(found - found.mean() - (strengths - strengths.mean())).max() < 1e-6
    return best_of(lambda: choix.ilsr_rankings(K, data), 2)


def voting(quick: bool) -> list[tuple[str, float, float | None, float | None]]:
    rng = np.random.default_rng(0)
    untied = _untied(rng, 100)
    slugs = ("copeland", "minimax", "schulze", "ranked_pairs")
    theirs = _pref_voting(untied)
    rows: list[tuple[str, float, float | None, float | None]] = [
        (
            f"{METHODS[slug].title}, 100 candidates (pref_voting on margins)",
            best_of(lambda s=slug: METHODS[s].fit(untied)),
            theirs.get(slug),
            0.08,
        )  # type: ignore[misc]
        for slug in slugs
    ]
    for K in (20, 40):
        profile = Ballots.from_rankings([rng.permutation(K).tolist() for _ in range(25)])
        counts = profile.pair_counts()
        rows.append(
            (
                f"Kemeny, {K} candidates, 25 random ballots",
                best_of(lambda c=counts: METHODS["kemeny"].fit(c), 1),
                None,
                None,
            )
        )  # type: ignore[misc]
    return rows


def _untied(rng: np.random.Generator, K: int) -> PairCounts:
    """Majorities at random, no two of the same margin: tied ones would ask rules for more work
    than the peer does.
    """
    upper = np.triu(rng.permutation(K * K).reshape(K, K) + 1.0, 1)
    wins = np.where(rng.random((K, K)) < 0.5, upper, 0.0)
    return PairCounts.from_matrices(wins + (upper - wins).T)


def _pref_voting(counts: PairCounts) -> dict[str, float]:
    """Seconds of pref_voting's rules from a margin graph that it has ready."""
    try:
        from pref_voting import c1_methods, margin_based_methods
        from pref_voting.weighted_majority_graphs import MarginGraph
    except ImportError:
        return {}
    margins = counts.margins
    K = len(margins)
    edges = [(i, j, int(margins[i, j])) for i in range(K) for j in range(K) if margins[i, j] > 0]
    graph = MarginGraph(list(range(K)), edges)
    rules = {
        "copeland": c1_methods.copeland,
        "minimax": margin_based_methods.minimax,
        "schulze": margin_based_methods.beat_path,
        "ranked_pairs": margin_based_methods.ranked_pairs_tb,
    }
    return {
        slug: best_of(lambda r=rule: r(graph), 1)  # type: ignore[misc]
        for slug, rule in rules.items()
    }


CASES: dict[str, Case] = {
    "bradley_terry": bradley_terry,
    "uncertainty": uncertainty,
    "labels": labels,
    "agreement": agreement,
    "rankings": rankings,
    "voting": voting,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the rows where that takes long"
    )
    parser.add_argument("--only", choices=CASES, help="one group of cases")
    arguments = parser.parse_args()
    grid = Grid("case", "ours (ms)", "peer (ms)", "ratio", "aim")
    for name, case in CASES.items():
        if arguments.only in (None, name):
            for label, ours, rival, aim in case(arguments.quick):
                ratio = "–" if rival is None else f"{ours / rival:.2f}"
                peer = "–" if rival is None else f"{rival * 1e3:.1f}"
                grid.add_row(
                    label, f"{ours * 1e3:.1f}", peer, ratio, "–" if aim is None else f"≤ {aim:g}"
                )
    Console().print(grid)


if __name__ == "__main__":
    main()
