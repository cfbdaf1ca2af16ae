"""Latent groups: none invented, planted ones found, and the MaxMin choice made from votes."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import comb

from aggregation.catalogue import METHODS
from aggregation.methods.pluralism.maxmin import MaxMinOptions
from aggregation.pluralism import latent
from aggregation.pluralism.choosing import GroupChoice, choose_groups
from aggregation.pluralism.latent import Climb, fit_mixture, fixed_groups, pooled
from aggregation.pluralism.votes import (
    GroupVotes,
    ItemDesign,
    pairs_weighted_by_gap,
    votes_on_features,
    votes_on_items,
)
from aggregation.tables import Comparisons, Ratings, TableError

FEATURES = Climb(ridge=1.0)
U = np.array([[0.5, 3, 1, 2.5, 0], [-2, -2.5, -1, -3, 0], [3, -1, 1.5, 2.5, 1]])
SHARES = (0.45, 0.35, 0.20)


def feature_world(
    seed: int,
    *,
    opposed: bool = False,
    shares: tuple[float, ...] = (0.6, 0.3, 0.1),
    people: int = 120,
    each: int = 20,
    random: float = 0.0,
) -> tuple[GroupVotes, NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Votes, true group per person, who votes at random, and true weights (norm 3, 8 features)."""
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(len(shares), 8))
    w *= 3 / np.linalg.norm(w, axis=1, keepdims=True)
    if opposed:
        w[1] = -w[0]
    group = np.repeat(np.arange(len(shares)), [round(s * people) for s in shares])
    careless = rng.random(people) < random
    who = np.repeat(np.arange(people), each)
    x = rng.normal(size=(people * each, 8))
    chance = 1 / (1 + np.exp(-(x * w[group[who]]).sum(axis=1)))
    y = np.where(rng.random(len(who)) < np.where(careless[who], 0.5, chance), 1, -1)
    n = np.zeros(len(who), dtype=int)
    table = Comparisons.from_arrays(n, n + 1, y, annotator=who, x=x)
    return votes_on_features(table), group, careless, w


def item_world(seed: int, each: int, people: int = 100) -> tuple[Comparisons, NDArray[Any]]:
    """Votes on random pairs of the five candidates by people of three groups."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(3), [round(s * people) for s in SHARES])
    who = np.repeat(np.arange(people), each)
    a = rng.integers(0, 5, len(who))
    b = (a + rng.integers(1, 5, len(who))) % 5
    u = U[group[who]]
    rows = np.arange(len(who))
    chance = 1 / (1 + np.exp(u[rows, b] - u[rows, a]))
    y = np.where(rng.random(len(who)) < chance, 1, -1)
    return Comparisons.from_arrays(a, b, y, annotator=who, ids=tuple("ABCDE")), group


def rand_index(one: NDArray[Any], two: NDArray[Any]) -> float:
    """Adjusted Rand index of two partitions."""
    table = np.zeros((one.max() + 1, two.max() + 1))
    np.add.at(table, (one, two), 1)
    both = comb(table, 2).sum()
    rows, columns = comb(table.sum(axis=1), 2).sum(), comb(table.sum(axis=0), 2).sum()
    expected = rows * columns / comb(len(one), 2)
    return float((both - expected) / ((rows + columns) / 2 - expected))


def chosen(votes: GroupVotes, seed: int = 0, **options: Any) -> GroupChoice:
    return choose_groups(votes, FEATURES, np.random.default_rng(seed), most=4, **options)


@pytest.mark.parametrize("seed", range(3))
def test_people_who_want_the_same_are_one_group(seed: int) -> None:
    votes, _, _, _ = feature_world(seed, shares=(1.0,), people=60, each=15)
    choice = chosen(votes)
    assert choice.n_groups == choice.by_bic == choice.by_heldout == 1


@pytest.mark.parametrize("seed", range(2))
def test_careless_voters_are_not_a_group(seed: int) -> None:
    votes, _, careless, _ = feature_world(seed, shares=(1.0,), people=100, random=0.15)
    choice = chosen(votes)
    assert choice.n_groups == 1
    flagged = choice.mixture.gamma[:, -1] > 0.5
    assert flagged[careless].mean() > 0.8
    assert flagged[~careless].mean() < 0.05
    assert choice.mixture.noise_share == pytest.approx(careless.mean(), abs=0.05)


def test_without_a_component_for_them_careless_voters_do_pose_as_a_group() -> None:
    votes, _, _, _ = feature_world(0, shares=(1.0,), people=100, random=0.15)
    trusting = Climb(ridge=1.0, noise=False)
    choice = choose_groups(votes, trusting, np.random.default_rng(0), most=3)
    assert choice.n_groups > 1


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_three_planted_groups_are_found(seed: int) -> None:
    votes, group, _, w = feature_world(seed)
    choice = chosen(votes)
    assert choice.n_groups == 3
    mixture = choice.mixture
    assert rand_index(group, mixture.gamma[:, :-1].argmax(axis=1)) >= 0.90
    np.testing.assert_allclose(mixture.shares, [0.6, 0.3, 0.1], atol=0.05)
    pairs = np.random.default_rng(9).normal(size=(4000, 8))
    truth = pairs @ w[2] > 0
    one = pairs @ pooled(votes, FEATURES).parameters[:, 0] > 0
    assert ((pairs @ mixture.parameters[:, 2] > 0) == truth).mean() >= 0.88
    assert (one == truth).mean() < 0.80


@pytest.mark.parametrize("seed", range(3))
def test_a_minority_that_wants_the_opposite_is_a_group_and_not_noise(seed: int) -> None:
    votes, group, _, _ = feature_world(seed, opposed=True, shares=(0.8, 0.2), people=100)
    choice = chosen(votes)
    assert choice.n_groups == 2
    assert rand_index(group, choice.mixture.gamma[:, :-1].argmax(axis=1)) == 1.0
    assert choice.mixture.noise_share < 0.05
    thin, _, _, _ = feature_world(seed, opposed=True, shares=(0.8, 0.2), people=100, each=8)
    assert chosen(thin).mixture.noise_share == 0.0


def test_hard_assignment_finds_them_too() -> None:
    votes, group, _, _ = feature_world(0)
    hard = Climb(ridge=1.0, hard=True, restarts=12)
    mixture = fit_mixture(votes, 3, hard, np.random.default_rng(0))
    assert set(np.unique(mixture.gamma)) == {0.0, 1.0}
    assert rand_index(group, mixture.gamma[:, :-1].argmax(axis=1)) >= 0.90


def test_thin_data_are_told_apart_from_agreement() -> None:
    votes, _, _, _ = feature_world(0, each=6)
    choice = chosen(votes)
    assert choice.n_groups == 1
    assert choice.gate == ("the median annotator has 6 votes, fewer than 10",)


def test_a_group_of_one_person_is_not_reported() -> None:
    votes, _, _, _ = feature_world(0, shares=(0.58, 0.39, 0.03), people=100, each=40)
    choice = chosen(votes)
    assert choice.n_groups <= 2
    assert choice.mixture.sizes.min() >= 5


def test_swapping_the_sides_of_all_votes_changes_nothing() -> None:
    table, _ = item_world(1, 12)
    turned = Comparisons.from_arrays(
        table.b, table.a, -table.y, annotator=table.annotator, ids=table.ids
    )
    one, two = METHODS["maxmin"].fit(table), METHODS["maxmin"].fit(turned)
    np.testing.assert_allclose(one.score, two.score, atol=1e-9)
    assert one.winners == two.winners


def test_renaming_people_and_items_changes_no_group() -> None:
    table, _ = item_world(2, 12)
    rng = np.random.default_rng(0)
    people, items = rng.permutation(100), rng.permutation(5)
    moved = Comparisons.from_arrays(
        items[table.a], items[table.b], table.y, annotator=people[table.annotator], n_items=5
    )
    one, two = METHODS["mixture"].fit(table), METHODS["mixture"].fit(moved)
    assert len(one.fit.parameters["groups"]) == len(two.fit.parameters["groups"]) == 3
    np.testing.assert_allclose(one.score, two.score[items], atol=1e-4)


def test_maxmin_finds_the_fair_compromise_from_votes() -> None:
    table, group = item_world(0, 24)
    options = MaxMinOptions(replicates=30)
    result = METHODS["maxmin"].fit(table, options)
    found = result.fit.parameters
    assert found["rules"]["maxmin_pick"]["picks"] == ["C"]
    assert [result.ids[w] for w in result.winners] == ["C"]
    members = np.array([found["members"][str(a)] for a in range(100)])
    assert rand_index(group, members[:, :-1].argmax(axis=1)) >= 0.95
    assert result.score[2] == pytest.approx(0.414, abs=0.06)
    assert found["rules"]["maxmin_lottery"]["minimum"] == pytest.approx(0.53, abs=0.05)
    assert found["rules"]["bradley_terry"]["minimum"] < 0.3
    assert found["cross_fitted"]["maxmin_lottery"] < found["rules"]["maxmin_lottery"]["minimum"]
    assert result.lottery is not None
    assert result.lottery[[0, 4]].max() < 0.05
    assert result.lo is not None
    assert result.hi is not None
    assert result.p_best is not None
    assert result.lo[2] < 0.414 < result.hi[2]
    assert result.p_best[2] >= 0.9


def test_declared_groups_stand_in_for_latent_ones() -> None:
    table, group = item_world(0, 24)
    names = ", ".join(f'"{a}": "g{group[a]}"' for a in range(100))
    options = MaxMinOptions(by="declared", declared="{" + names + "}")
    result = METHODS["maxmin"].fit(table, options)
    found = result.fit.parameters
    assert found["groups"] == ["g0", "g1", "g2"]
    np.testing.assert_allclose(found["shares"], SHARES, atol=0.01)
    np.testing.assert_allclose(
        found["welfare"],
        [[0.30, 0.85, 0.41, 0.75, 0.19], [0.44, 0.31, 0.67, 0.20, 0.87],
         [0.83, 0.06, 0.50, 0.72, 0.39]],
        atol=0.06,
    )  # fmt: skip
    assert result.winners == (2,)


def test_contexts_are_groups_where_everyone_judged_in_one() -> None:
    table, group = item_world(0, 24)
    context = np.asarray(group[table.annotator])
    by_context = Comparisons.from_arrays(
        table.a, table.b, table.y, annotator=table.annotator, group=context, ids=table.ids
    )
    result = METHODS["maxmin"].fit(by_context, MaxMinOptions(by="context"))
    assert result.fit.parameters["groups"] == ["0", "1", "2"]
    assert result.winners == (2,)


def test_declared_groups_under_five_people_do_not_decide() -> None:
    table, _ = item_world(0, 24)
    names = {a: "loner" if a == 0 else "pair" if a < 3 else "many" for a in range(100)}
    text = "{" + ", ".join(f'"{a}": "{name}"' for a, name in names.items()) + "}"
    result = METHODS["maxmin"].fit(table, MaxMinOptions(by="declared", declared=text))
    assert result.fit.parameters["groups"] == ["many"]
    assert "2 declared groups have fewer than 5 people" in result.fit.parameters["notes"][0]
    with pytest.raises(TableError, match="JSON"):
        METHODS["maxmin"].fit(table, MaxMinOptions(by="declared", declared="ann=north"))


def test_one_declared_group_is_bradley_terry_with_a_ridge() -> None:
    table, _ = item_world(3, 10)
    votes = votes_on_items(table)
    everyone = np.column_stack([np.ones(100), np.zeros(100)])
    found = fixed_groups(votes, everyone, Climb(ridge=0.3))
    rival = METHODS["bradley_terry"].fit(table, METHODS["bradley_terry"].options(penalty=0.3))
    np.testing.assert_allclose(found.parameters[:, 0], rival.score, atol=1e-6)


def test_ratings_become_pairs_that_weigh_their_gap() -> None:
    ratings = Ratings.from_arrays([0, 1, 2], [0, 0, 0], [4.0, 3.0, 0.0], lo=0.0, hi=4.0)
    pairs = pairs_weighted_by_gap(ratings)
    gaps = {
        frozenset((int(a), int(b))): float(w)
        for a, b, w in zip(pairs.a, pairs.b, pairs.weights, strict=True)
    }
    assert gaps == {frozenset((0, 1)): 0.5, frozenset((0, 2)): 1.0, frozenset((1, 2)): 1.0}


def test_many_items_are_solved_sparsely_to_the_same_end() -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 320, 4000)
    b = (a + rng.integers(1, 320, 4000)) % 320
    y = np.where(rng.random(4000) < 1 / (1 + np.exp((a - b) / 100)), 1, -1)
    table = Comparisons.from_arrays(a, b, y, annotator=rng.integers(0, 40, 4000), n_items=320)
    found = fixed_groups(
        votes_on_items(table), np.column_stack([np.ones(40), np.zeros(40)]), Climb(ridge=0.3)
    )
    rival = METHODS["bradley_terry"].fit(table, METHODS["bradley_terry"].options(penalty=0.3))
    np.testing.assert_allclose(found.parameters[:, 0], rival.score, atol=1e-6)


def test_a_system_of_many_parts_is_solved_part_by_part_to_the_same_steps() -> None:
    rng = np.random.default_rng(0)
    prompt, a = rng.integers(0, 20, 400), rng.integers(0, 4, 400)
    b = (a + rng.integers(1, 4, 400)) % 4
    low, high = (np.asarray(prompt * 4 + each, dtype=np.int32) for each in (a, b))
    design = ItemDesign(low, high, 82)  # two items that nobody compared
    assert design._blocks is not None
    curvature, residual = rng.random(400), rng.normal(size=400)
    at = rng.normal(size=82)
    X = np.zeros((400, 82))
    X[np.arange(400), low], X[np.arange(400), high] = 1, -1
    system = X.T @ (curvature[:, None] * X) + 0.3 * np.eye(82)
    expected = np.linalg.solve(system, X.T @ residual - 0.3 * at)
    assert design.newton(curvature, residual, 0.3, at) == pytest.approx(expected, abs=1e-9)


def small_groups(kind: str) -> tuple[GroupVotes, Any, Any, Any]:
    """Votes, utilities of two groups, and responsibilities of 12 annotators, all at random."""
    votes = (
        feature_world(0, people=12, each=8)[0]
        if kind == "features"
        else votes_on_items(item_world(0, 8, people=20)[0])
    )
    rng = np.random.default_rng(1)
    utilities = rng.normal(size=(votes.design.d, 2))
    return votes, utilities, rng.dirichlet(np.ones(3), votes.n_people), rng


@pytest.mark.parametrize(("kind", "close"), [("items", 1e-5), ("features", 2e-3)])
def test_a_step_of_the_mixture_is_a_newton_step_of_its_objective(kind: str, close: float) -> None:
    """Each group's sum_a gamma_ag log P_g(votes of a) - ridge/2 |u_g|^2, by differences of it
    alone. Features are kept in single precision.
    """
    votes, U, gamma, _ = small_groups(kind)
    how, d = Climb(ridge=0.7), votes.design.d

    def value(u: Any, g: int) -> float:
        at = U.copy()
        at[:, g] = u
        chance = gamma[:, g] @ latent.log_evidence(votes, at)[:, g]
        return float(chance - 0.5 * how.ridge * u @ u)

    moved = latent._directions(votes, how, votes.design.log_odds(U), U, gamma)
    size = 1e-3 if kind == "items" else 0.05  # the larger, the less single precision tells
    s = size * np.eye(d)
    for g in range(2):
        u = U[:, g]
        slope = [(8 * (value(u + e, g) - value(u - e, g)) - value(u + 2 * e, g)
                  + value(u - 2 * e, g)) / (12 * size) for e in s]  # fmt: skip
        bend = [[(value(u + e + f, g) - value(u + e - f, g) - value(u - e + f, g)
                  + value(u - e - f, g)) / (4 * size**2) for f in s] for e in s]  # fmt: skip
        step = np.linalg.solve(-np.array(bend), slope)
        np.testing.assert_allclose(moved[:, g], step, atol=close * np.abs(step).max())


@pytest.mark.parametrize("kind", ["items", "features"])
@pytest.mark.parametrize("noise", [True, False])
def test_no_step_of_the_mixture_lowers_its_objective(kind: str, noise: bool) -> None:
    """From one and the same beginning, ended after every number of steps."""
    votes, _, _, rng = small_groups(kind)
    how = Climb(ridge=0.3, noise=noise, tol=0.0)
    start = latent.random_start(np.arange(votes.n_people), 2, how, rng)
    values = [latent._climb(votes, how, start, None, k).penalised for k in range(1, 30)]
    assert values[-1] > values[0] + 1.0
    assert (np.diff(values) >= -1e-8 * np.abs(values[1:])).all()  # the slack that a step is given
