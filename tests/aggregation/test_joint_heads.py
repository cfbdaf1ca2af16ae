"""One head for several groups, heads for an anonymous crowd, and scales of raters."""

from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from aggregation.catalogue import METHODS
from aggregation.personal.joint_head import joint_head, least_norm
from aggregation.personal.pairwise_calibration import calibrated_heads
from aggregation.personal.raters import calibrated, on_common_scale, rater_lines
from aggregation.pluralism.latent import Climb, pooled
from aggregation.pluralism.votes import votes_on_features, votes_on_items
from aggregation.tables import Comparisons, Ratings


def test_the_shortest_mixture_of_two_gradients_is_the_specified_one() -> None:
    lam = least_norm([[1.0, 0.0], [-0.5, 1.0]])
    assert lam[0] == pytest.approx(0.5385, abs=1e-4)
    assert np.linalg.norm(lam @ np.array([[1.0, 0.0], [-0.5, 1.0]])) == pytest.approx(
        0.5547, abs=1e-4
    )
    assert least_norm([[1.0, 0.0], [2.0, 0.0]]) == pytest.approx([1.0, 0.0])
    assert least_norm(np.zeros((3, 2))) == pytest.approx([1 / 3] * 3)


def test_the_shortest_mixture_beats_every_other() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        gradients = rng.normal(size=(4, 6)) + rng.normal(size=6)
        best = np.linalg.norm(least_norm(gradients) @ gradients)
        others = rng.dirichlet(np.ones(4), 500) @ gradients
        assert best <= np.linalg.norm(others, axis=1).min() + 1e-9


def two_groups(cosine: float, minority: int = 30, people: int = 60, each: int = 30) -> Any:
    rng = np.random.default_rng(7)
    one = np.array([2.0, 0.0, 0.0])
    other = np.array([2 * cosine, 2 * np.sqrt(1 - cosine**2), 0.0])
    who = np.repeat(np.arange(people), each)
    small = who >= people - minority
    x = rng.normal(size=(len(who), 3)).astype(np.float32)
    chance = expit(np.where(small, x @ other, x @ one))
    y = np.where(rng.random(len(who)) < chance, 1, -1)
    zero = np.zeros(len(who), dtype=int)
    table = Comparisons.from_arrays(zero, zero + 1, y, annotator=who, x=x)
    members = np.zeros((people, 2))
    members[: people - minority, 0] = 1
    members[people - minority :, 1] = 1
    return votes_on_features(table), members


def test_no_group_pays_for_the_joint_head() -> None:
    votes, members = two_groups(0.0, minority=10)
    head = joint_head(votes, members, ridge=0.1)
    assert (head.losses < np.log(2)).all()
    rows = members[votes.annotator]
    one = pooled(votes, Climb(ridge=0.1, noise=False)).parameters
    eta = votes.design.log_odds(one)[:, 0]
    loss = rows.T @ (np.logaddexp(0, eta) - votes.k * eta) / rows.sum(axis=0)
    assert head.losses[1] < loss[1]  # the minority does better than under the pooled head
    assert head.lambda_.sum() == pytest.approx(1.0)
    assert head.converged


def test_opposed_groups_leave_no_common_direction() -> None:
    votes, members = two_groups(-1.0)
    head = joint_head(votes, members, ridge=0.1)
    assert np.abs(head.weights).max() < 0.2
    assert head.losses == pytest.approx([np.log(2)] * 2, abs=0.02)


def test_with_one_group_the_joint_head_is_bradley_terry() -> None:
    votes, members = two_groups(0.5)
    head = joint_head(votes, np.ones((len(members), 1)), ridge=0.3)
    one = pooled(votes, Climb(ridge=0.3, noise=False, tol=1e-12))
    np.testing.assert_allclose(head.weights, one.parameters[:, 0], atol=1e-3)


def test_more_shows_what_each_group_would_have_had() -> None:
    rng = np.random.default_rng(0)
    U = np.array([[2.0, 1.0, 0.0, -1.0], [0.0, 2.0, 1.0, -1.0]])
    who = np.repeat(np.arange(40), 24)
    a = rng.integers(0, 4, len(who))
    b = (a + rng.integers(1, 4, len(who))) % 4
    group = np.where(who < 28, 0, 1)
    y = np.where(rng.random(len(who)) < expit(2 * (U[group, a] - U[group, b])), 1, -1)
    table = Comparisons.from_arrays(a, b, y, annotator=who, ids=list("ABCD"))
    method = METHODS["more"]
    result = method.fit(table, method.options(groups=2, replicates=4))
    said = result.fit.parameters
    assert not said["no_common_direction"]
    for own, joint in zip(said["own_loss"], said["joint_loss"], strict=True):
        assert own < joint < np.log(2)
    assert max(said["joint_loss"]) < max(said["pooled_loss"])
    assert all(0 <= error < 0.5 for error in said["joint_calibration_error"])
    assert result.ids[result.winners[0]] == "B"
    assert result.replicates is not None
    assert result.replicates.shape == (4, 4)


# --- Anonymous votes ----------------------------------------------------------------------------


def anonymous(people: int = 400) -> Comparisons:
    """Seven in ten want A > B > C, three in ten the reverse; each votes on every pair."""
    rows = [
        (i, j, 1 if (person < 0.7 * people) == (i < j) else -1)
        for person in range(people)
        for i, j in ((0, 1), (0, 2), (1, 2))
    ]
    a, b, y = (np.array(c) for c in zip(*rows, strict=True))
    return Comparisons.from_arrays(a, b, y, ids=list("ABC"))


def test_heads_disagree_as_often_as_people_do() -> None:
    method = METHODS["calibrated_heads"]
    result = method.fit(anonymous())
    said = result.fit.parameters
    assert said["weights"] == pytest.approx([0.7, 0.3], abs=1e-3)
    assert said["gaps"][-1] < 1e-3
    np.testing.assert_allclose(result.score, [0.7, 0.5, 0.3], atol=1e-3)


def test_each_further_head_comes_nearer_to_the_shares() -> None:
    rng = np.random.default_rng(3)
    u = rng.normal(size=(30, 6))
    who = np.repeat(np.arange(30), 40)
    a = rng.integers(0, 6, len(who))
    b = (a + rng.integers(1, 6, len(who))) % 6
    y = np.where(u[who, a] > u[who, b], 1, -1)
    votes = votes_on_items(
        Comparisons.from_arrays(a, b, y, annotator=np.zeros(len(who), dtype=int))
    )
    found = calibrated_heads(votes, ridge=0.1)
    assert (np.diff(found.gaps) < 0).all()
    assert found.gaps[-1] < 0.55 * found.gaps[0]
    assert len(found.gaps) > 2
    assert found.weights.sum() == pytest.approx(1.0)


# --- Scales of raters ---------------------------------------------------------------------------


def scaled_ratings(seed: int, each: int = 12) -> tuple[Ratings, Any, Any, Any]:
    rng = np.random.default_rng(seed)
    worth = rng.normal(size=40)
    low, slope = rng.normal(0, 0.8, 30), np.exp(rng.normal(0, 0.4, 30))
    who = np.repeat(np.arange(30), each)
    unit = np.concatenate([rng.choice(40, each, replace=False) for _ in range(30)])
    value = low[who] + slope[who] * worth[unit] + rng.normal(0, 0.4, len(who))
    table = Ratings.from_arrays(unit, who, value, n_units=40, lo=-20, hi=20)
    return table, worth, low, slope


def test_lines_of_raters_are_recovered_and_shrunk() -> None:
    table, worth, low, slope = scaled_ratings(0, each=25)
    lines = rater_lines(table, worth)
    assert np.abs(lines.intercept - low).mean() < 0.12
    assert np.abs(lines.slope - slope).mean() < 0.12
    assert lines.noise == pytest.approx(0.4, abs=0.05)
    few, worth, _, slope = scaled_ratings(1, each=3)
    assert few.annotator is not None
    shrunk = rater_lines(few, worth).slope
    own = [
        np.polyfit(worth[few.unit[few.annotator == j]], few.value[few.annotator == j], 1)[0]
        for j in range(30)
    ]
    assert np.abs(shrunk - slope).mean() < 0.8 * np.abs(own - slope).mean()


def test_calibration_predicts_a_raters_own_ratings_better() -> None:
    """Specification: −8.6 % error within users on PRISM; here raters differ more."""
    table, worth, _, _ = scaled_ratings(2)
    away = np.arange(len(table)) % 4 == 0
    train, test = table.take(~away), table.take(away)
    lines = rater_lines(train, worth)
    assert test.annotator is not None
    one = np.polyfit(worth[train.unit], train.value, 1)
    plain = np.sqrt(np.mean((test.value - np.polyval(one, worth[test.unit])) ** 2))
    own = np.sqrt(np.mean((test.value - lines.predict(test.annotator, worth[test.unit])) ** 2))
    assert own < 0.85 * plain


def test_calibrated_ratings_agree_across_raters() -> None:
    table, worth, _, _ = scaled_ratings(3, each=25)
    common = calibrated(table)
    before = np.corrcoef(table.value, worth[table.unit])[0, 1]
    after = np.corrcoef(common.value, worth[common.unit])[0, 1]
    assert after > before + 0.05
    lines = rater_lines(table, worth)
    again = on_common_scale(table, lines)
    assert again.value != pytest.approx(table.value)


def test_unknown_raters_stay_as_they_are() -> None:
    table = Ratings.from_arrays([0, 1, 0, 1], [0, 0, -1, -1], [1.0, 3.0, 2.0, 2.5], lo=0, hi=4)
    common = calibrated(table)
    np.testing.assert_array_equal(common.value[2:], [2.0, 2.5])
    with pytest.raises(ValueError, match="who rated"):
        rater_lines(Ratings.from_arrays([0], None, [1.0]), np.zeros(1))
