"""Effects of attributes: against differences in means, sums over clusters, and coverage."""

from typing import Any

import numpy as np
import pytest

from aggregation.diagnostics.amce import conjoint_effects, levels_from_numbers
from aggregation.tables import Comparisons, TableError
from aggregation.warning_codes import WarningCode

# Items: every combination of tone and length; tone matters by 0.2, length by -0.1.
TONE = ["dry", "dry", "dry", "warm", "warm", "warm"]
LENGTH = ["long", "mid", "short", "long", "mid", "short"]
EFFECT = {"warm": 0.2, "dry": 0.0, "long": -0.1, "mid": 0.0, "short": 0.0}


def survey(seed: int, people: int = 40, each: int = 12) -> Comparisons:
    rng = np.random.default_rng(seed)
    n = people * each
    a, b = rng.integers(0, 6, n), rng.integers(0, 5, n)
    b = np.where(b >= a, b + 1, b)
    who = np.repeat(np.arange(people), each)
    value = np.array([EFFECT[t] + EFFECT[size] for t, size in zip(TONE, LENGTH, strict=True)])
    taste = rng.normal(0, 0.05, (people, 6))
    chance = 0.5 + (value[a] - value[b] + taste[who, a] - taste[who, b]) / 1.0
    y = np.where(rng.random(n) < np.clip(chance, 0, 1), 1, -1)
    return Comparisons.from_arrays(a, b, y, annotator=who, n_items=6)


def effects(table: Comparisons, **rest: Any) -> dict[str, Any]:
    found = conjoint_effects(table, {"tone": TONE, "length": LENGTH}, **rest)
    return {level.level: level for level in found.levels}


def test_one_attribute_is_a_difference_of_means() -> None:
    table = survey(1)
    found = conjoint_effects(table, {"tone": TONE}, {"tone": "dry"})
    y = np.concatenate([table.y > 0, table.y < 0]).astype(float)
    warm = np.array([t == "warm" for t in TONE])[np.concatenate([table.a, table.b])]
    dry, level = found.levels
    assert level.effect == pytest.approx(y[warm].mean() - y[~warm].mean())
    assert (dry.effect, dry.se, dry.baseline) == (0.0, 0.0, True)
    assert (level.mean, dry.mean) == pytest.approx((y[warm].mean(), y[~warm].mean()))
    assert level.n + dry.n == 2 * len(table)


def test_standard_errors_are_sums_over_people() -> None:
    table = survey(2)
    found = effects(table, baselines={"tone": "dry", "length": "mid"})
    item = np.concatenate([table.a, table.b])
    y = np.concatenate([table.y > 0, table.y < 0]).astype(float)
    assert table.annotator is not None
    who = np.concatenate([table.annotator, table.annotator])
    tone, length = np.array(TONE)[item], np.array(LENGTH)[item]
    columns = [np.ones(len(y)), length == "long", length == "short", tone == "warm"]
    X = np.stack(columns, axis=1).astype(float)
    beta, *_ = np.linalg.lstsq(X, y, rcond=None)
    bread = np.linalg.inv(X.T @ X)
    meat = np.zeros((4, 4))
    for person in np.unique(who):
        mine = who == person
        score = X[mine].T @ (y - X @ beta)[mine]
        meat += np.outer(score, score)
    people = len(np.unique(who))
    se = np.sqrt(np.diagonal(bread @ meat @ bread) * people / (people - 1))
    for place, name in ((1, "long"), (2, "short"), (3, "warm")):
        assert found[name].effect == pytest.approx(beta[place])
        assert found[name].se == pytest.approx(se[place])
        assert found[name].hi - found[name].lo == pytest.approx(2 * 1.959964 * se[place], rel=1e-6)


def test_intervals_cover() -> None:
    """300 surveys. A pair shows two different items, so the effect averages over the other five."""
    truth = _average_effect("tone", "warm", "dry")
    hits = 0
    for seed in range(300):
        level = effects(survey(seed, people=30, each=8), baselines={"tone": "dry"})["warm"]
        hits += level.lo <= truth <= level.hi
    assert 0.91 <= hits / 300 <= 0.985


def _average_effect(attribute: str, level: str, base: str) -> float:
    """The regression's target with every ordered pair of different items once."""
    pairs = [(a, b) for a in range(6) for b in range(6) if a != b]
    value = np.array([EFFECT[t] + EFFECT[size] for t, size in zip(TONE, LENGTH, strict=True)])
    y = np.array([0.5 + value[a] - value[b] for a, b in pairs])
    names = np.array(TONE if attribute == "tone" else LENGTH)[[a for a, _ in pairs]]
    return float(y[names == level].mean() - y[names == base].mean())


def test_ties_count_half_and_weights_repeat() -> None:
    table = survey(3)
    once = effects(table + table)
    twice = effects(table.reweighted(np.full(len(table), 2.0)))
    for name, level in once.items():
        assert twice[name].effect == pytest.approx(level.effect)
        assert twice[name].se == pytest.approx(level.se)
    ties = Comparisons.from_arrays([0, 3] * 5, [3, 0] * 5, [0] * 10, annotator=range(10), n_items=6)
    assert effects(ties)["warm"].mean == 0.5


def test_what_always_goes_together_is_not_told_apart() -> None:
    table = survey(4)
    found = conjoint_effects(table, {"tone": TONE, "voice": [t.upper() for t in TONE]})
    told = {level.level: level for level in found.levels if not level.baseline}
    assert all(np.isnan(level.effect) for level in told.values())
    assert all(0 < level.mean < 1 for level in told.values())
    assert found.overlap is not None
    assert found.overlap[1:] == ("tone", "voice")
    assert found.overlap[0] == pytest.approx(1.0)
    assert [warning.code for warning in found.warnings] == [WarningCode.SEPARATION]


def test_unknown_attributes_leave_their_pairs_out() -> None:
    table = survey(5)
    tone: list[str | None] = [None, *TONE[1:]]
    found = conjoint_effects(table, {"tone": tone})
    with_first = int(((table.a == 0) | (table.b == 0)).sum())
    assert found.left_out == with_first
    assert found.pairs == len(table) - with_first
    assert found.overlap is None


def test_little_data_give_no_invented_numbers() -> None:
    nothing = conjoint_effects(Comparisons.from_arrays([], [], [], n_items=6), {"tone": TONE})
    assert [w.code for w in nothing.warnings] == [WarningCode.EMPTY]
    assert all(np.isnan(level.mean) for level in nothing.levels)
    assert np.isnan([e.effect for e in nothing.levels if not e.baseline]).all()
    one = Comparisons.from_arrays([0, 3], [3, 1], [1, 1], annotator=[0, 0], n_items=6)
    alone = conjoint_effects(one, {"tone": TONE}, {"tone": "dry"})
    assert [w.code for w in alone.warnings] == [WarningCode.SINGLE_ANNOTATOR]
    assert np.isnan(alone.levels[1].se)


def test_wrong_attributes_are_refused() -> None:
    table = survey(6)
    with pytest.raises(TableError, match="2 values for 6 items"):
        conjoint_effects(table, {"tone": ["dry", "warm"]})
    with pytest.raises(TableError, match="no level 'loud'"):
        conjoint_effects(table, {"tone": TONE}, {"tone": "loud"})
    many = Comparisons.from_arrays([0], [1], [1], n_items=501)
    with pytest.raises(TableError, match="more than 500 levels"):
        conjoint_effects(many, {"text": list(range(501))})


def test_numbers_become_levels_of_equal_size() -> None:
    found = levels_from_numbers([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, None])
    assert found == ["1 to 2", "1 to 2", "3 to 4", "3 to 4", "5 to 6", "5 to 6", None]
    assert set(levels_from_numbers([7.0] * 4)) == {"7 to 7"}
    assert levels_from_numbers([None]) == [None]
    with pytest.raises(ValueError, match="not a number"):
        levels_from_numbers([float("nan")])
