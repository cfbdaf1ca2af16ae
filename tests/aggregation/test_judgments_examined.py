"""Judgments before any rule: annotators side by side, who met whom, agreement with intervals."""

import numpy as np
import pytest

from aggregation.diagnostics import agreement as agree
from aggregation.diagnostics.annotators import annotator_rows, wilson
from aggregation.diagnostics.judgments import examine_judgments
from aggregation.tables import Comparisons, Labels, Ratings
from tests.aggregation.worlds import (
    random_ballots,
    random_comparisons,
    random_labels,
    random_ratings,
    tennessee,
)


def test_agreement_with_others_is_counted_answer_by_answer() -> None:
    table = random_labels(3, units=15)
    rows = {row.name: row for row in annotator_rows(table)}
    for j in range(6):
        same = total = 0
        for u in range(15):
            mine = table.label[(table.unit == u) & (table.annotator == j)]
            others = table.label[(table.unit == u) & (table.annotator != j)]
            same += sum(int(x == y) for x in mine for y in others)
            total += len(mine) * len(others)
        assert rows[j].shared == total
        assert rows[j].agreement == pytest.approx(same / total)


def test_somebody_who_always_takes_the_first_leans_by_a_half() -> None:
    table = Comparisons.from_arrays(
        [0, 1, 0, 1, 0, 1], [1, 0, 1, 0, 1, 0], [1, 1, 1, 1, -1, 0],
        annotator=[0, 0, 0, 0, 1, 1], first=[1, 1, 1, 1, 1, 1], annotator_ids=("al", "bo"),
    )  # fmt: skip
    al, bo = annotator_rows(table)
    assert (al.name, al.lean, al.lean_n, al.ties) == ("al", 0.5, 4, 0.0)
    assert (bo.name, bo.lean, bo.lean_n, bo.ties) == ("bo", -0.5, 1, 0.5)
    assert al.lean_lo < al.lean_hi <= 0.5 + 1e-12


def test_wilsons_interval_of_the_textbook() -> None:
    """81 of 263, Newcombe (1998), table I: 0.2553 to 0.3662."""
    low, high = wilson(np.array([81 / 263]), np.array([263]))
    assert low[0] == pytest.approx(0.2553, abs=5e-5)
    assert high[0] == pytest.approx(0.3662, abs=5e-5)


def test_ratings_lean_by_their_distance_to_the_others() -> None:
    table = Ratings.from_arrays(
        [0, 0, 0, 1, 1], [0, 1, 2, 0, 1], [5.0, 3.0, 1.0, 4.0, 4.0], annotator_ids=("a", "b", "c")
    )
    rows = {row.name: row for row in annotator_rows(table)}
    assert rows["a"].lean == pytest.approx((3 + 0) / 2)
    assert rows["c"].lean == pytest.approx(-3.0)
    assert np.isnan(rows["c"].lean_lo)  # one rating shows no spread


def test_matrix_counts_what_happened() -> None:
    examined = examine_judgments(tennessee())
    assert examined.pairs is not None
    wins = examined.pairs.wins
    assert examined.pairs.ids == ("M", "N", "C", "K")
    assert wins[0].tolist() == [0, 42, 42, 42]
    assert (wins[1, 2], wins[2, 3]) == (68, 83)
    assert examined.circles is not None
    assert examined.circles.circular == 0


@pytest.mark.parametrize("table", [random_comparisons(1), random_ballots(2), random_labels(3),
                                   random_ratings(4)])  # fmt: skip
def test_every_kind_of_table_can_be_looked_at(table: Comparisons) -> None:
    seen: list[int] = []
    examined = examine_judgments(table, watch=seen.append)
    assert seen == [0, 1, 2, 3, 4]
    assert sum(row.judgments for row in examined.annotators) <= len(table)
    for coefficient in examined.agreement:
        if np.isfinite(coefficient.value) and np.isfinite(coefficient.lo):
            assert coefficient.lo <= coefficient.hi


@pytest.mark.parametrize(
    "name", ["percent", "alpha (nominal)", "AC1", "Fleiss kappa", "Cohen kappa"]
)
def test_agreement_has_an_interval_around_it(name: str) -> None:
    table = random_labels(5, units=80, people=12)
    plain = Labels.from_arrays(
        table.unit, table.annotator, table.label, n_units=80, n_classes=3, annotator_ids=range(12)
    )
    found = {c.name: c for c in agree.agreement(plain)}
    assert found[name].lo < found[name].value < found[name].hi
    if name == "AC1":
        assert found[name].value == pytest.approx(agree.gwet_ac(plain.counts()).value)
    if name == "Fleiss kappa":
        assert found[name].value == pytest.approx(agree.fleiss_kappa(plain.counts()).value)


def test_nothing_to_look_at_is_said_and_not_invented() -> None:
    empty = Comparisons.from_arrays([], [], [], annotator=[], n_items=2, annotator_ids=("a",))
    examined = examine_judgments(empty)
    assert examined.pairs is None
    assert examined.annotators == ()
    assert all(np.isnan(c.value) for c in examined.agreement)
    alone = Comparisons.from_arrays([0], [1], [1], annotator=[0], annotator_ids=("a",))
    (row,) = examine_judgments(alone).annotators
    assert row.shared == 0
    assert np.isnan(row.agreement)
