"""Bad input gets a warning code or a clear error from every method, never an invented number."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from aggregation.catalogue import METHODS
from aggregation.method import Method
from aggregation.results import AggregateResult, WarningCode
from aggregation.tables import (
    Ballots,
    Comparisons,
    Labels,
    PairCounts,
    Ratings,
    TableError,
    can_convert,
)
from aggregation.tables.columns import numbered
from tests.contracts.test_methods import ALL, evidence, fit, natural_kind

# Rules whose scores exist before anybody votes: what they start from is a number, not an invention.
START = {"elo": 1000.0, "glicko2": 1500.0, "trueskill": 25.0}
FEW = 60  # judgments on a great many items


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
@pytest.mark.parametrize("kind", [Comparisons, Ballots, Labels, Ratings])
def test_no_table_takes_a_weight_that_is_no_weight(kind: type[Any], bad: float) -> None:
    """All methods read these tables, so none ever sees such a weight."""
    make: dict[type[Any], Any] = {
        Comparisons: lambda w: Comparisons.from_arrays([0, 0], [1, 1], [1, 1], weight=w),
        Ballots: lambda w: Ballots.from_rankings([[0, 1], [1, 0]], weight=w),
        Labels: lambda w: Labels.from_arrays([0, 1], [0, 0], [0, 1], weight=w),
        Ratings: lambda w: Ratings.from_arrays([0, 1], [0, 0], [0.5, 1.0], weight=w),
    }
    with pytest.raises(TableError, match=r"weight of row 1"):
        make[kind]([1.0, bad])


def test_no_table_takes_an_item_against_itself() -> None:
    with pytest.raises(TableError, match="with itself"):
        Comparisons.from_arrays([0, 1], [1, 1], [1, 1])
    with pytest.raises(TableError, match="with itself"):
        PairCounts.from_matrices([[1, 2], [0, 0]])
    with pytest.raises(TableError, match="twice"):
        Ballots.from_rankings([[0, 1, 0]])


@ALL
def test_judgments_without_weight_are_no_judgments(method: Method) -> None:
    table = evidence(method)
    result = fit(method, table.reweighted(np.zeros(len(table))))
    assert WarningCode.EMPTY in result.codes
    says_nothing(method, result)


def says_nothing(method: Method, result: AggregateResult) -> None:
    """Every item is blank, level with every other one, or where the rule starts."""
    known = result.score[np.isfinite(result.score)]
    assert len(set(np.round(known, 9).tolist())) <= 1
    if method.slug in START and len(known):
        assert known[0] == START[method.slug]
    assert result.se is None or not np.isfinite(result.se[~np.isfinite(result.score)]).any()


@ALL
def test_a_group_that_nobody_judged_changes_nothing(method: Method) -> None:
    table = evidence(method)
    group = np.zeros(len(table), dtype=np.int32)
    used = replace(table, group=group, group_ids=("asked",))
    spare = replace(table, group=group, group_ids=("asked", "never asked"))
    before, after = fit(method, used), fit(method, spare)
    if after.ids == before.ids:
        np.testing.assert_allclose(after.score, before.score, rtol=1e-6, atol=1e-9)
        assert after.codes >= before.codes
        return
    named = [key for key in after.ids if "never asked" in str(key)]
    blank = [after.score[after.ids.index(key)] for key in named]
    assert not np.isfinite(blank).any()


@ALL
def test_all_judgments_alike_are_certain_of_nothing_infinite(method: Method) -> None:
    """The same judgment a hundred times, by five people: finite or blank, never infinite."""
    table = evidence(method)
    same = table.take(np.zeros(100, dtype=np.int64))
    if same.annotator is not None:
        same = replace(
            same, annotator=np.arange(100, dtype=np.int32) % min(5, len(table.annotator_ids))
        )
    result = fit(method, same)
    assert not np.isinf(result.score).any()
    for bound in (result.se, result.lo, result.hi):
        assert bound is None or not np.isinf(bound).any()


PAIRED = [m for m in METHODS.values() if m.family == "social_choice" and not m.sequential]
ON_PAIRS = pytest.mark.parametrize(
    "method",
    [m for m in PAIRED if can_convert(Comparisons, m.consumes)],
    ids=[m.slug for m in PAIRED if can_convert(Comparisons, m.consumes)],
)


@ON_PAIRS
def test_a_million_items_of_which_few_were_met_are_no_trouble_for_voting(method: Method) -> None:
    result = fit(method, few_on_many())
    assert len(result.score) == 1_000_000
    assert WarningCode.UNSEEN_ITEMS in result.codes
    assert np.isnan(result.score).sum() >= 1_000_000 - 2 * FEW
    assert result.rank is None or result.rank.max() <= 2 * FEW


@ON_PAIRS
def test_more_items_than_a_matrix_holds_are_refused_with_a_sentence(method: Method) -> None:
    circle = np.arange(5_000)
    table = Comparisons.from_arrays(circle, (circle + 1) % 5_000, np.ones(5_000))
    with pytest.raises(TableError, match=r"at most 4,096 items"):
        fit(method, table)


def few_on_many(items: int = 1_000_000) -> Comparisons:
    rng = np.random.default_rng(0)
    a = rng.integers(0, items // 2, FEW)
    return replace(
        Comparisons.from_arrays(
            a, a + 1 + rng.integers(0, items // 2 - 1, FEW), rng.choice([-1, 1], FEW),
            annotator=rng.integers(0, 5, FEW), n_items=items,
        ),
        ids=numbered(items),
    )  # fmt: skip


@pytest.mark.parametrize("slug", ["win_rate", "hodge_rank", "mean", "median", "majority", "elo"])
def test_a_million_items_are_no_trouble_for_rules_that_add_up(slug: str) -> None:
    method, items = METHODS[slug], 1_000_000
    kind = natural_kind(method)
    rng = np.random.default_rng(0)
    unit, who = rng.integers(0, items, FEW), rng.integers(0, 5, FEW)
    if kind is Comparisons:
        table: Any = few_on_many(items)
    elif kind is Labels:
        table = Labels.from_arrays(unit, who, rng.integers(0, 2, FEW), n_units=items)
    else:
        table = Ratings.from_arrays(unit, who, rng.random(FEW), n_units=items)
    result = fit(method, table)
    assert len(result.score) == items
    seen = np.zeros(items, dtype=bool)
    seen[np.concatenate([table.a, table.b]) if kind is Comparisons else table.unit] = True
    assert np.isfinite(result.score[seen]).all()
    if slug not in START:
        assert np.isnan(result.score[~seen]).all()
    assert {WarningCode.UNSEEN_ITEMS, WarningCode.EMPTY} & result.codes


def test_a_rule_that_needs_more_memory_than_there_is_says_so() -> None:
    method = METHODS["approval"]
    hungry = replace(method, solve=_out_of_memory)
    with pytest.raises(TableError, match="needs more memory than there is for 3 items"):
        hungry.fit(Ballots.from_approvals([[0], [1]], 3))


def _out_of_memory(*_: Any) -> Any:
    return np.zeros(2**48)
