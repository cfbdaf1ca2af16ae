"""Diagnostics against published tables and their definitions."""

import csv
import gzip
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregation.diagnostics import agreement as agree
from aggregation.diagnostics.calibration import calibration
from aggregation.diagnostics.majority_certificate import (
    hoeffding_bounds,
    majority_certificate,
    two_coin_certificate,
    worst_margin,
)
from aggregation.diagnostics.rank_agreement import kendall_tau_b, kendall_w, rank_agreement
from aggregation.diagnostics.transitivity import (
    circles_per_annotator,
    circular_triads,
    majority_circles,
    stochastic_transitivity,
)
from aggregation.tables import Ballots, Labels, PairCounts
from tests.aggregation.worlds import SHARED_DATA, cycle, random_comparisons, random_labels

KRIPPENDORFF = """
1 2 3 3 2 1 4 1 2 - - -
1 2 3 3 2 2 4 1 2 5 - 3
- 3 3 3 2 3 4 2 2 5 1 -
1 2 3 3 2 4 4 1 2 5 1 -
"""

FLEISS_ROWS = (
    "0 0 0 0 14, 0 2 6 4 2, 0 0 3 5 6, 0 3 9 2 0, 2 2 8 1 1, 7 7 0 0 0, 3 2 6 3 0, 2 5 3 2 2"
)
FLEISS = np.array([row.split() for row in f"{FLEISS_ROWS}, 6 5 2 1 0, 0 2 2 3 7".split(",")], int)


def four_observers() -> Labels:
    """Krippendorff's example: 12 units, 4 observers, values 1 to 5, some missing."""
    rows = [
        (u, j, -1 if x == "-" else int(x) - 1)
        for j, line in enumerate(KRIPPENDORFF.strip().splitlines())
        for u, x in enumerate(line.split())
    ]
    unit, annotator, label = np.array(rows).T
    return Labels.from_arrays(unit, annotator, label, label_ids=(1, 2, 3, 4, 5))


@pytest.mark.parametrize(
    ("level", "expected"),
    [("nominal", 0.7434), ("ordinal", 0.8154), ("interval", 0.8491), ("ratio", 0.7974)],
)
def test_krippendorffs_alpha(level: Any, expected: float) -> None:
    counts = four_observers().counts()
    assert agree.krippendorff_alpha(counts, level, [1, 2, 3, 4, 5]) == pytest.approx(
        expected, abs=5e-5
    )


def test_alpha_is_its_definition() -> None:
    table = random_labels(1, units=12)
    plain = Labels.from_arrays(table.unit, table.annotator, table.label, n_units=12, n_classes=3)
    lists = [plain.label[plain.unit == u].tolist() for u in range(12)]
    lists = [x for x in lists if len(x) > 1]
    observed = sum(2 * sum(a != b for a, b in combinations(x, 2)) / (len(x) - 1) for x in lists)
    pooled = [v for x in lists for v in x]
    expected = 2 * sum(a != b for a, b in combinations(pooled, 2)) / (len(pooled) - 1)
    assert agree.krippendorff_alpha(plain.counts()) == pytest.approx(1 - observed / expected)


@pytest.mark.parametrize(
    ("weighting", "expected"),
    [("identity", 0.77544), ("linear", 0.85874), ("quadratic", 0.91400), ("ordinal", 0.89894)],
)
def test_gwets_coefficients(weighting: Any, expected: float) -> None:
    found = agree.gwet_ac(four_observers().counts(), weighting)
    assert found.value == pytest.approx(expected, abs=5e-6)
    if weighting == "identity":
        assert found.observed == pytest.approx(0.81818, abs=5e-6)
        assert found.expected == pytest.approx(0.19032, abs=5e-6)
        assert found.se == pytest.approx(0.14295, abs=5e-6)


def test_kappas() -> None:
    counts = four_observers().counts()
    assert agree.fleiss_kappa(counts).value == pytest.approx(0.76117, abs=5e-6)
    assert agree.brennan_prediger(counts).value == pytest.approx(0.77273, abs=5e-6)
    assert agree.conger_kappa(four_observers()).value == pytest.approx(0.76207, abs=5e-6)
    fleiss = agree.fleiss_kappa(FLEISS)
    assert fleiss.value == pytest.approx(0.20993, abs=5e-6)
    assert fleiss.observed == pytest.approx(0.37802, abs=5e-6)
    assert fleiss.expected == pytest.approx(0.21276, abs=5e-6)


def test_cohens_kappa() -> None:
    x = [0] * 25 + [1] * 25
    y = [0] * 20 + [1] * 5 + [0] * 10 + [1] * 15
    assert agree.cohen_kappa(x, y) == pytest.approx(0.4)
    a, b = ([int(c) - 1 for c in word] for word in ("123451234533", "122442235513"))
    assert agree.cohen_kappa(a, b) == pytest.approx(0.4828, abs=5e-5)
    assert agree.cohen_kappa(a, b, "linear") == pytest.approx(0.6667, abs=5e-5)
    assert agree.cohen_kappa(a, b, "quadratic") == pytest.approx(0.8095, abs=5e-5)
    assert np.isnan(agree.cohen_kappa([0, 0], [0, 0]))


def test_one_value_only_is_undefined_for_alpha_and_full_agreement_for_ac1() -> None:
    counts = np.array([[3, 0], [2, 0]])
    assert np.isnan(agree.krippendorff_alpha(counts))
    assert np.isnan(agree.fleiss_kappa(counts).value)
    assert agree.gwet_ac(counts).value == 1.0
    assert np.isnan(agree.krippendorff_alpha(np.zeros((0, 2))))
    assert np.isnan(agree.gwet_ac(np.array([[1, 0]])).value)


def test_rank_correlations() -> None:
    assert kendall_tau_b([1, 2, 3, 4, 5], [3, 1, 2, 5, 4]) == pytest.approx(0.4)
    assert kendall_tau_b([1, 2, 2, 4], [1, 1, 3, 4]) == pytest.approx(0.8)
    assert np.isnan(kendall_tau_b([1, 1], [1, 2]))
    assert kendall_w([[1, 2, 3, 4, 5, 6], [1, 3, 2, 5, 4, 6], [2, 1, 3, 4, 6, 5]]) == pytest.approx(
        0.873016, abs=1e-6
    )
    assert kendall_w([[1, 2, 2, 4], [1, 1, 3, 4], [2, 1, 3, 3]]) == pytest.approx(
        0.827160, abs=1e-6
    )


def test_intervals_come_from_annotators() -> None:
    found = {c.name: c for c in agree.agreement(random_labels(3))}
    alpha = found["alpha (nominal)"]
    assert alpha.lo < alpha.value < alpha.hi
    alone = Labels.from_arrays([0, 1], [0, 0], [0, 1])
    assert all(np.isnan(c.lo) for c in agree.agreement(alone))


def test_two_annotators_dont_tell_how_far_others_would_agree() -> None:
    """Whoever of the two is left out, nothing is left to compare; so there is no interval."""
    both = Labels.from_arrays([0, 0, 1, 1, 2, 2], [0, 1] * 3, [0, 0, 1, 1, 0, 1])
    found = {c.name: c for c in agree.agreement(both, ("nominal", "ordinal"))}
    assert found["percent"].value == pytest.approx(2 / 3)
    assert found["Cohen kappa"].value == pytest.approx(agree.cohen_kappa([0, 1, 0], [0, 1, 1]))
    assert all(np.isnan(c.lo) and np.isnan(c.hi) for c in found.values())


def test_labels_in_order_have_weighted_coefficients_with_intervals_too() -> None:
    rows = four_observers()
    found = {c.name: c for c in agree.agreement(rows, ("ordinal", "interval"))}
    assert found["AC2 (quadratic)"].value == pytest.approx(0.91400, abs=5e-6)
    assert found["Cohen kappa"].value == pytest.approx(0.76207, abs=5e-6)
    weightings: tuple[agree.Weighting, ...] = ("linear", "quadratic", "ordinal")
    counts = agree._counted(rows.answered())
    for weighting in weightings:
        weighted = agree.conger_kappa(rows, weighting).value
        assert found[f"Cohen kappa ({weighting})"].value == pytest.approx(weighted)
        ac2 = agree.gwet_ac(counts, weighting).value
        assert found[f"AC2 ({weighting})"].value == pytest.approx(ac2)
    assert len({found[f"AC2 ({w})"].lo for w in weightings}) == len(weightings)
    for each in found.values():
        assert each.lo < each.value < each.hi <= 1


def test_an_interval_is_the_jackknife_over_annotators() -> None:
    """By hand for percent agreement: leave out each annotator, count the pairs that are left."""
    rows = random_labels(8, units=30, people=5)
    rows = Labels.from_arrays(rows.unit, rows.annotator, rows.label, n_units=30, n_classes=3)
    assert rows.annotator is not None
    left = []
    for j in range(5):
        others = rows.take(rows.annotator != j)
        by_unit = [others.label[others.unit == u].tolist() for u in range(30)]
        pairs = [a == b for labels in by_unit for a, b in combinations(labels, 2)]
        left.append(np.mean(pairs))
    se = np.sqrt(4 / 5 * ((np.array(left) - np.mean(left)) ** 2).sum())
    found = agree.agreement(rows)[0]
    assert found.hi - found.value == pytest.approx(2.7764451 * se)  # t with 4 degrees, 97.5 %
    assert found.value - found.lo == pytest.approx(2.7764451 * se)


@pytest.mark.parametrize(("people", "per_unit"), [(5, 5), (12, 3)])
def test_intervals_of_agreement_hold_what_everybody_would_say(people: int, per_unit: int) -> None:
    """In 60 worlds; percentiles of reweighted annotators held it in 70 % and 55 % of such ones."""
    held = np.zeros(5)
    for seed in range(60):
        rng = np.random.default_rng([people, seed])
        truth = rng.choice(3, 40, p=[0.6, 0.3, 0.1])

        def said(count: int, rng: Any = rng, truth: Any = truth) -> Any:
            right = rng.random((count, 40)) < rng.uniform(0.45, 0.95, (count, 1))
            own = np.stack([rng.choice(3, 40, p=p) for p in rng.dirichlet([2, 2, 2], count)])
            return np.where(right, truth, own)

        everybody, panel = said(600), said(people)
        asked = np.stack([rng.permutation(people) < per_unit for _ in range(40)], axis=1)
        who, unit = np.nonzero(asked)
        whole = Labels.from_arrays(np.tile(np.arange(40), 600), None, everybody.ravel())
        truths = [c.value for c in agree.agreement(whole)][:4]
        found = agree.agreement(Labels.from_arrays(unit, who, panel[asked], n_classes=3))
        held[:4] += [c.lo <= t <= c.hi for c, t in zip(found[:4], truths, strict=True)]
    assert (held[:4] >= 52).all()


def rankings(seed: int, people: int = 6, prompts: int = 4, items: int = 5) -> Ballots:
    """Some people rank some of the items of each prompt, with ties."""
    rng = np.random.default_rng(seed)
    told = [
        (who, prompt, rng.choice(items, rng.integers(2, items + 1), replace=False))
        for prompt in range(prompts)
        for who in np.flatnonzero(rng.random(people) < 0.8).tolist()
    ]
    sizes = [len(item) for *_, item in told]
    return Ballots.from_arrays(
        np.cumsum([0, *sizes]),
        np.concatenate([item for *_, item in told]),
        np.concatenate([rng.integers(0, size, size) for size in sizes]),
        annotator=[who for who, *_ in told],
        group=[prompt for _, prompt, _ in told],
        n_items=items,
        annotator_ids=range(people),
    )


def taus_by_hand(ballots: Ballots, without: int = -1) -> list[float]:
    assert ballots.annotator is not None
    assert ballots.group is not None
    rows = [
        (
            ballots.group[k],
            ballots.annotator[k],
            dict(
                zip(
                    ballots.item[ballots.ptr[k] : ballots.ptr[k + 1]].tolist(),
                    ballots.tier[ballots.ptr[k] : ballots.ptr[k + 1]].tolist(),
                    strict=True,
                )
            ),
        )
        for k in range(len(ballots))
        if ballots.annotator[k] != without
    ]
    found = []
    for (g, _, x), (h, _, y) in combinations(rows, 2):
        common = sorted(set(x) & set(y))
        tau = kendall_tau_b([x[i] for i in common], [y[i] for i in common]) if g == h else np.nan
        if np.isfinite(tau):
            found.append(tau)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_taus_of_many_prompts_are_those_of_two_people_at_a_time(seed: int) -> None:
    ballots = rankings(seed)
    tau, _ = rank_agreement(ballots)
    assert tau.value == pytest.approx(np.mean(taus_by_hand(ballots)))
    left = np.array([np.mean(taus_by_hand(ballots, without=j)) for j in range(6)])
    se = np.sqrt(5 / 6 * ((left - left.mean()) ** 2).sum())
    assert tau.hi == pytest.approx(min(1.0, tau.value + 2.5705818 * se))  # t with 5 degrees
    assert tau.lo == pytest.approx(max(-1.0, tau.value - 2.5705818 * se))


def test_concordance_is_the_mean_over_prompts() -> None:
    told = [[0, 1, 2, 3, 4, 5], [0, 2, 1, 4, 3, 5], [1, 0, 2, 3, 5, 4]]
    ballots = Ballots.from_rankings(
        [*told, [0, 1], [0, 1], [1, 0]], annotator=[0, 1, 2] * 2, group=[0, 0, 0, 1, 1, 1]
    )
    _, w = rank_agreement(ballots)
    assert w.value == pytest.approx((0.873016 + kendall_w([[1, 2], [1, 2], [2, 1]])) / 2, abs=1e-6)
    assert (w.units, w.labels) == (2, 6)
    assert 0 <= w.lo < w.value < w.hi <= 1


def test_the_interval_of_concordance_leaves_out_each_person() -> None:
    rng = np.random.default_rng(4)
    tiers = rng.integers(0, 4, (5, 6))  # with ties
    rows = [
        [np.flatnonzero(row == t).tolist() for t in range(4) if (row == t).any()] for row in tiers
    ]
    _, w = rank_agreement(Ballots.from_rankings(rows, annotator=range(5)))
    assert w.value == pytest.approx(kendall_w(tiers))
    left = np.array([kendall_w(np.delete(tiers, j, axis=0)) for j in range(5)])
    se = np.sqrt(4 / 5 * ((left - left.mean()) ** 2).sum())
    assert w.hi == pytest.approx(min(1.0, w.value + 2.7764451 * se))
    assert w.lo == pytest.approx(max(0.0, w.value - 2.7764451 * se))


def test_one_person_alone_agrees_with_nobody() -> None:
    ballots = Ballots.from_rankings([[0, 1, 2], [2, 1, 0]], annotator=[0, 0], group=[0, 1])
    for each in rank_agreement(ballots):
        assert np.isnan(each.value)
        assert each.units == 0
    assert all(c.units == 0 for c in rank_agreement(Ballots.from_rankings([[0, 1]])))


def test_pairs_of_annotators() -> None:
    table = Labels.from_arrays([0, 1, 0, 1, 2], [0, 0, 1, 1, 2], [0, 1, 0, 0, 1])
    share, common = agree.agreement_matrix(table)
    assert share[0, 1] == 0.5
    assert common[0, 1] == 2
    assert np.isnan(share[0, 2])


def test_circles_of_a_tournament() -> None:
    T = [[0, 1, 0, 1, 1], [0, 0, 1, 1, 0], [1, 0, 0, 1, 1], [0, 0, 0, 0, 1], [0, 1, 0, 0, 0]]
    found = circular_triads(T)
    assert found.circular == 3
    assert found.complete == 10
    assert found.consistency == pytest.approx(0.4)


@given(st.integers(0, 2**32 - 1), st.integers(3, 7))
def test_circles_follow_the_score_formula(seed: int, K: int) -> None:
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.random((K, K)) < 0.5, 1)
    T = upper | (np.triu(~upper, 1).T)
    scores = T.sum(axis=1)
    assert circular_triads(T).circular == K * (K - 1) * (2 * K - 1) / 12 - (scores**2).sum() / 2


def test_majorities_and_people_can_go_in_circles() -> None:
    assert majority_circles(cycle().pair_counts()).circular == 1
    rows = dict(circles_per_annotator(random_comparisons(1)))
    assert len(rows) == 6


def test_stochastic_transitivity() -> None:
    straight = PairCounts.from_matrices([[0, 7, 9], [3, 0, 6], [1, 4, 0]])
    found = stochastic_transitivity(straight)
    assert (found.weak, found.moderate, found.strong) == (0, 0, 0)
    assert found.cycle_rate == pytest.approx(0.7 * 0.6 * 0.1 + 0.3 * 0.4 * 0.9)
    turned = stochastic_transitivity(cycle().pair_counts())
    assert turned.weak == 1.0
    assert np.isnan(stochastic_transitivity(PairCounts.from_matrices(np.zeros((3, 3)))).weak)


@pytest.mark.parametrize(
    ("p", "prior", "margin", "majority", "best"),
    [
        ([0.7] * 3, 0.5, 0.8473, None, None),
        ([0.7] * 3, 0.69, 0.0472, None, None),
        ([0.7] * 3, 0.71, -0.0481, 0.2160, 0.2097),
        ([0.9, 0.6, 0.6], 0.5, -1.3863, 0.208, 0.100),
        ([0.8, 0.7, 0.7], 0.5, 0.3083, 0.174, 0.174),
    ],
)
def test_majority_certificates(
    p: list[float], prior: float, margin: float, majority: float | None, best: float | None
) -> None:
    found = majority_certificate(p, prior)
    assert found.margin == pytest.approx(margin, abs=5e-5)
    assert found.optimal == (margin >= 0)
    if majority is not None and best is not None:
        assert found.majority_risk == pytest.approx(majority, abs=5e-5)
        assert found.best_risk == pytest.approx(best, abs=5e-5)


@given(
    st.integers(0, 2**32 - 1),
    st.integers(2, 6),
    st.sampled_from(["any", "close", "equal"]),
    st.sampled_from([0.5, None]),
)
def test_the_certificate_is_true_exactly_when_the_majority_is_best(
    seed: int, J: int, kind: str, even: float | None
) -> None:
    """Even panels too, whose ties fall to the prior, or to a coin at 1/2."""
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.51, 0.95, J)
    if kind != "any":
        p = p[0] + (rng.uniform(0, 0.03, J) if kind == "close" else np.zeros(J))
    found = majority_certificate(p, rng.uniform(0.2, 0.8) if even is None else even)
    assert found.optimal == (found.excess_risk < 1e-12)


def test_a_coin_between_unequal_annotators_is_not_the_best_rule() -> None:
    unequal, equal = majority_certificate([0.9, 0.8, 0.7, 0.6]), majority_certificate([0.8] * 4)
    assert (unequal.majority_risk, unequal.best_risk) == pytest.approx((0.150, 0.088), abs=5e-4)
    assert not unequal.optimal
    assert equal.optimal
    assert equal.excess_risk == pytest.approx(0.0, abs=1e-15)


@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.sampled_from([0.5, None]))
def test_the_two_coin_certificate_is_true_exactly_when_the_majority_is_best(
    seed: int, J: int, even: float | None
) -> None:
    rng = np.random.default_rng(seed)
    a = rng.uniform(0.3, 0.98)
    s = rng.uniform(max(1.01 - a, 0.3), 0.99)
    found = two_coin_certificate(a, s, J, rng.uniform(0.2, 0.8) if even is None else even)
    assert found.optimal == (found.excess_risk < 1e-12)


@pytest.mark.parametrize("J", [1, 2, 5, 6])
@pytest.mark.parametrize("prior", [0.3, 0.5, 0.6])
def test_two_equal_coins_are_one(J: int, prior: float) -> None:
    two, one = two_coin_certificate(0.7, 0.7, J, prior), majority_certificate([0.7] * J, prior)
    assert two.optimal == one.optimal
    assert two.margin == pytest.approx(one.margin)
    assert two.majority_risk == pytest.approx(one.majority_risk)
    assert two.best_risk == pytest.approx(one.best_risk)


def test_a_coin_that_says_the_opposite_has_no_certificate() -> None:
    with pytest.raises(ValueError, match="above 1 in all"):
        two_coin_certificate(0.4, 0.5, 3)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_the_worst_corner_is_the_least_margin_within_bounds(seed: int, J: int) -> None:
    rng = np.random.default_rng(seed)
    low = rng.uniform(0.51, 0.9, J)
    high = low + rng.uniform(0, 0.09, J)
    prior = tuple(sorted(rng.uniform(0.51, 0.7, 2)))
    corners = [
        majority_certificate(np.where(mask, high, low), share).margin
        for mask in np.indices((2,) * J).reshape(J, -1).T
        for share in prior
    ]
    assert worst_margin(low, high, prior) == pytest.approx(min(corners), abs=1e-12)
    inside = majority_certificate(rng.uniform(low, high), rng.uniform(*prior)).margin
    assert inside >= worst_margin(low, high, prior) - 1e-12


def test_nothing_is_certified_where_somebody_may_be_a_coin() -> None:
    assert worst_margin([0.6, 0.5, 0.7], [0.8, 0.8, 0.8]) == -np.inf
    assert worst_margin([0.8, 0.8], [0.8, 0.8], (0.45, 0.6)) == pytest.approx(0)
    assert worst_margin([0.8, 0.8], [0.8, 0.9], (0.45, 0.6)) == pytest.approx(np.log(4 / 9))


def test_bounds_hold_together_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    p, n = np.array([0.6, 0.8, 0.9]), np.array([40, 40, 40])
    held = 0
    for _ in range(400):
        low, high = hoeffding_bounds(rng.binomial(n, p), n, 0.9)
        held += bool(((low <= p) & (p <= high)).all())
    assert held >= 0.9 * 400
    low, high = hoeffding_bounds([0], [0])
    assert (low[0], high[0]) == (0.0, 1.0)


def test_calibration() -> None:
    p = [0.1, 0.2, 0.3, 0.4, 0.55, 0.6, 0.7, 0.8, 0.9, 0.95]
    y = [int(c) for c in "0010101111"]
    ten, five = calibration(p, y, 10), calibration(p, y, 5)
    assert ten.brier == pytest.approx(0.1405)
    assert ten.log_loss == pytest.approx(0.429390, abs=1e-6)
    assert ten.ece == pytest.approx(0.31)
    assert five.ece == pytest.approx(0.13)
    assert calibration([0.2, 0.2], [0, 1], 4).brier == pytest.approx(
        (c := calibration([0.2, 0.2], [0, 1], 4)).reliability - c.resolution + c.uncertainty
    )


def test_published_agreement_of_real_crowds() -> None:
    folder = SHARED_DATA / "llmfao"
    if not folder.exists():
        pytest.skip("the LLMFAO data are not on this machine")
    with gzip.open(folder / "judgments.csv.gz", "rt") as stream:
        rows = [row for row in csv.DictReader(stream) if row["annotator_kind"] == "human"]
    table = Labels.from_values(
        *([row[c] for row in rows] for c in ("pair_id", "annotator", "winner"))
    )
    assert agree.krippendorff_alpha(table.counts()) == pytest.approx(0.2906, abs=5e-5)
    assert agree.percent_agreement(table.counts()) == pytest.approx(0.5322, abs=5e-5)
