"""Long computations can be watched and ended between two steps, and nobody else notices."""

from time import monotonic
from typing import Any

import numpy as np
import pytest

from aggregation.catalogue import METHODS
from aggregation.personal.bench import Bench
from aggregation.tables import Ballots
from aggregation.watching import beat, step, watched
from tests.aggregation.worlds import (
    random_ballots,
    random_comparisons,
    random_labels,
    random_ratings,
)


class Enough(Exception):
    """The watcher has seen enough."""


def after(count: int) -> Any:
    seen: list[tuple[int, int]] = []

    def watch(done: int, total: int) -> None:
        seen.append((done, total))
        if len(seen) == count:
            raise Enough

    return watch


def test_a_watch_holds_within_its_block_only() -> None:
    seen: list[tuple[int, int]] = []
    beat()
    with watched(lambda done, total: seen.append((done, total))):
        step(1, 5)
        beat("anything an optimiser says")
    step(2, 5)
    assert seen == [(1, 5), (1, 5)]


@pytest.mark.parametrize("slug", ["bradley_terry", "davidson", "borda", "schulze", "mean"])
def test_a_bootstrap_says_how_far_it_is(slug: str) -> None:
    method, seen = METHODS[slug], []
    table: Any = random_ratings(1) if slug == "mean" else random_comparisons(1)
    options: Any = method.options(replicates=70)
    watched_fit = method.fit(table, options, bench=Bench(lambda *at: seen.append(at)))
    assert seen
    assert {total for _, total in seen} <= {0, 70}
    dones = [done for done, total in seen if total]
    assert dones == sorted(dones)
    assert watched_fit.digest() == method.fit(table, options).digest()


@pytest.mark.parametrize(
    "slug",
    ["dawid_skene", "one_coin", "mace", "glad", "crowd_bradley_terry", "plackett_luce", "irt",
     "thurstone_utilities", "nash", "elo", "equal_shares", "kos", "glicko2", "trueskill",
     "ranked_pairs"],
)  # fmt: skip
def test_a_fit_of_many_steps_can_be_ended(slug: str) -> None:
    method = METHODS[slug]
    tables: dict[str, Any] = {
        "consensus": random_labels(1),
        "slates": random_ballots(1),
        "social_choice": random_comparisons(1),
    }
    table = tables.get(method.family, random_comparisons(1))
    if slug == "plackett_luce":
        table = random_ballots(1)
    if slug == "irt":
        table = random_ratings(1)
    with pytest.raises(Enough):
        method.fit(table, bench=Bench(after(1)))


def test_a_search_through_many_ties_can_be_ended() -> None:
    ballots = Ballots.from_approvals([[k, (k + 1) % 12] for k in range(12)], 12)
    method = METHODS["equal_shares"]
    with pytest.raises(Enough):
        method.fit(ballots, method.options(seats=6), bench=Bench(after(3)))
    assert np.isfinite(method.fit(ballots, method.options(seats=6)).score).all()


def test_an_integer_program_can_be_ended_while_it_is_solved() -> None:
    rng = np.random.default_rng(0)
    ballots = Ballots.from_rankings([rng.permutation(60).tolist() for _ in range(5)])
    started = monotonic()
    with pytest.raises(Enough):
        METHODS["kemeny"].fit(ballots, bench=Bench(after(1)))
    assert monotonic() - started < 10
