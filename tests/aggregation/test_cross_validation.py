"""Held-out log loss: whole people are held out, and the numbers are what they say."""

from typing import Any

import numpy as np
import pytest

from aggregation.catalogue import METHODS
from aggregation.diagnostics.calibration import calibration
from aggregation.diagnostics.cross_validation import (
    COIN,
    cross_validate,
    deal,
    log_loss,
)
from aggregation.diagnostics.held_out_calibration import clustered_se, held_out_calibration
from aggregation.method import Method
from aggregation.tables import Comparisons
from tests.aggregation.worlds import random_comparisons, twenty_two_games


def rules(*slugs: str) -> list[tuple[str, Method, Any]]:
    return [(slug, METHODS[slug], METHODS[slug].options()) for slug in slugs]


def test_nobody_is_in_two_folds() -> None:
    table = random_comparisons(1, people=13)
    fold = deal(table, 5, seed=3)
    assert table.annotator is not None
    for j in range(13):
        assert len(set(fold[table.annotator == j].tolist())) == 1
    sizes = np.bincount(fold, minlength=5)
    assert sizes.min() > 0.5 * sizes.max()
    assert (deal(table, 5, seed=3) == fold).all()


def test_the_loss_is_the_one_computed_by_hand() -> None:
    table = random_comparisons(2, n=150, people=5)
    found = cross_validate(rules("bradley_terry"), table, folds=3, seed=1)
    assert found is not None
    fold = deal(table, 3, 1)
    total = 0.0
    for f in range(3):
        score = METHODS["bradley_terry"].fit(table.take(fold != f)).score
        held = table.take(fold == f)
        for a, b, y, w in zip(held.a, held.b, held.y, held.weights, strict=True):
            q = 1 / (1 + np.exp(score[b] - score[a]))
            won = 0.5 + 0.5 * np.sign(y)
            total -= w * (won * np.log(q) + (1 - won) * np.log(1 - q))
    assert found.rules[0].loss == pytest.approx(total / table.weights.sum())


def test_a_better_model_loses_less_and_the_gap_is_paired() -> None:
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(20), 40)
    a = rng.integers(0, 5, len(who))
    b = (a + rng.integers(1, 5, len(who))) % 5
    y = np.where((a - b) * 0.8 + rng.logistic(size=len(who)) < 0, 1, -1)
    table = Comparisons.from_arrays(a, b, y, annotator=who)
    found = cross_validate(rules("bradley_terry", "win_rate", "elo", "borda"), table)
    assert found is not None
    by_name = {rule.method: rule for rule in found.rules}
    assert by_name["bradley_terry"].loss < COIN
    best = min((r for r in found.rules if not r.why), key=lambda r: r.loss)
    assert best.behind == 0
    assert all(r.behind >= 0 for r in found.rules if not r.why)
    assert by_name["borda"].why
    assert np.isnan(by_name["borda"].loss)
    assert by_name["bradley_terry"].se > 0


def test_a_coin_loses_log_two() -> None:
    assert log_loss(np.array([0.5, 0.5, 0.5]), np.array([0, 0.5, 1])).tolist() == [COIN] * 3
    assert np.isfinite(log_loss(np.array([0.0]), np.array([1.0]))).all()


def test_items_the_others_never_saw_count_as_even() -> None:
    table = Comparisons.from_arrays([0, 0, 2], [1, 1, 3], [1, 1, 1], annotator=[0, 1, 2])
    found = cross_validate(rules("bradley_terry"), table, folds=3)
    assert found is not None
    assert found.rules[0].unseen == 1


def test_one_person_cannot_be_held_out() -> None:
    one = Comparisons.from_arrays([0, 1], [1, 0], [1, 1], annotator=[0, 0])
    assert cross_validate(rules("bradley_terry"), one) is None


def test_standard_error_is_of_people_not_of_votes() -> None:
    table = random_comparisons(5, people=8)
    value = np.random.default_rng(0).normal(size=len(table))
    doubled = table + table
    once = clustered_se(value, table.weights, table.clusters[0])
    twice = clustered_se(np.tile(value, 2), doubled.weights, doubled.clusters[0])
    assert twice == pytest.approx(once)


def test_chances_that_are_true_are_calibrated_and_bold_ones_are_not() -> None:
    rng = np.random.default_rng(1)
    q = rng.uniform(0.02, 0.98, 20_000)
    y = (rng.random(20_000) < q).astype(float)
    who = np.arange(20_000, dtype=np.int32) % 50
    true = held_out_calibration(q, y, np.ones(20_000), who)
    assert true.ece < 0.01
    assert true.brier == pytest.approx(np.mean(q * (1 - q)), abs=0.004)
    assert [round(each.low, 1) for each in true.bins] == [0.5, 0.6, 0.7, 0.8, 0.9]
    assert all(abs(each.won - each.said) < 3 * each.se for each in true.bins)
    assert sum(each.n for each in true.bins) == 20_000
    bold = held_out_calibration(np.where(q > 0.5, 0.97, 0.03), y, np.ones(20_000), who)
    (only,) = bold.bins
    assert bold.ece == pytest.approx(only.said - only.won)
    assert bold.ece > 0.15
    assert bold.brier > true.brier


def test_whose_side_a_pair_is_read_from_changes_nothing() -> None:
    rng = np.random.default_rng(2)
    q, y = rng.random(300), rng.choice([0.0, 0.5, 1.0], 300)
    w, who = rng.random(300), rng.integers(0, 9, 300).astype(np.int32)
    one, other = held_out_calibration(q, y, w, who), held_out_calibration(1 - q, 1 - y, w, who)
    assert other.brier == pytest.approx(one.brier)
    assert other.ece == pytest.approx(one.ece)
    rival = calibration(np.maximum(q, 1 - q), (np.where(q < 0.5, 1 - y, y) > 0.5).astype(float))
    clear = held_out_calibration(
        np.maximum(q, 1 - q), (np.where(q < 0.5, 1 - y, y) > 0.5).astype(float), np.ones(300), who
    )
    assert clear.brier == pytest.approx(rival.brier)
    assert clear.ece == pytest.approx(rival.ece)  # ten bins from 0 are the same five from one half


def test_votes_of_unknown_people_are_dealt_one_by_one() -> None:
    found = cross_validate(rules("bradley_terry"), twenty_two_games(), folds=4)
    assert found is not None
    assert found.annotators == 22
