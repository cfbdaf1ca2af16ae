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
from aggregation.diagnostics.majority_certificate import majority_certificate
from aggregation.diagnostics.rank_agreement import kendall_tau_b, kendall_w
from aggregation.diagnostics.transitivity import (
    circles_per_annotator,
    circular_triads,
    majority_circles,
    stochastic_transitivity,
)
from aggregation.tables import Labels, PairCounts
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
    found = {c.name: c for c in agree.agreement(random_labels(3), replicates=50)}
    alpha = found["alpha (nominal)"]
    assert alpha.lo < alpha.value < alpha.hi
    alone = Labels.from_arrays([0, 1], [0, 0], [0, 1])
    assert all(np.isnan(c.lo) for c in agree.agreement(alone, replicates=5))


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


@given(st.integers(0, 2**32 - 1), st.sampled_from([3, 5]))
def test_the_certificate_is_true_exactly_when_the_majority_is_best(seed: int, J: int) -> None:
    rng = np.random.default_rng(seed)
    found = majority_certificate(rng.uniform(0.51, 0.95, J), rng.uniform(0.2, 0.8))
    assert found.optimal == (found.excess_risk < 1e-12)


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
