"""Disagreement split into noise, ambiguity and pluralism."""

import numpy as np
import pytest

from aggregation.pluralism.noise import NoiseBudget, flip_rate, noise_budget
from aggregation.tables import Comparisons


def budget(chance: np.ndarray, group: np.ndarray, repeats: int = 1, seed: int = 0) -> NoiseBudget:
    """Everyone judges every pair: chance[a, q] that person a prefers the first side of pair q."""
    rng = np.random.default_rng(seed)
    people, questions = chance.shape
    who = np.repeat(np.arange(people), questions * repeats)
    question = np.tile(np.repeat(np.arange(questions), repeats), people)
    y = np.where(rng.random(len(who)) < chance[who, question], 1, -1)
    table = Comparisons.from_arrays(
        2 * question, 2 * question + 1, y, annotator=who, n_items=2 * questions
    )
    gamma = np.column_stack([np.eye(group.max() + 1)[group], np.zeros(people)])
    return noise_budget(table, np.arange(people), gamma)


def test_a_rate_of_disagreement_gives_a_rate_of_flips() -> None:
    assert flip_rate(0.2583) == pytest.approx(0.1524, abs=5e-5)
    assert flip_rate(0.0) == 0.0
    assert flip_rate(0.5) == pytest.approx(0.5)
    assert np.isnan(flip_rate(0.51))
    assert np.isnan(flip_rate(float("nan")))


def test_a_minority_that_never_errs_is_not_noise() -> None:
    group = np.repeat([0, 1], [80, 20])
    opposed = np.repeat(group[:, None] == 0, 12, axis=1).astype(float)
    found = budget(opposed, group, repeats=2)
    assert found.within_annotators.value == found.within_groups.value == 0.0
    assert found.between_groups.value == 1.0
    assert found.flips_within_groups == 0.0
    assert not found.one_group
    everyone = budget(opposed, np.zeros(100, dtype=int))
    assert everyone.within_groups.value == pytest.approx(0.32, abs=0.01)
    assert everyone.flips_within_groups == pytest.approx(0.20, abs=0.01)


def test_flips_of_everyone_are_noise_and_neither_ambiguity_nor_pluralism() -> None:
    group = np.repeat([0, 1], [30, 30])
    found = budget(np.full((60, 40), 0.85), group, repeats=2)
    assert found.flips_within_annotators == pytest.approx(0.15, abs=0.02)
    assert found.ambiguity.value == pytest.approx(0.0, abs=0.02)
    assert found.ambiguity.lo < 0 < found.ambiguity.hi
    assert found.one_group


def test_people_who_each_stand_firm_on_an_open_question_show_ambiguity() -> None:
    rng = np.random.default_rng(1)
    firm = (rng.random((60, 40)) < 0.7).astype(float)
    found = budget(firm, np.repeat([0, 1], [30, 30]), repeats=2)
    assert found.within_annotators.value == 0.0
    assert found.ambiguity.value == pytest.approx(0.42, abs=0.02)
    assert found.ambiguity.lo > 0.35
    assert found.pluralism.value == pytest.approx(0.0, abs=0.02)


def test_counts_by_hand() -> None:
    # Pair 0: ann + +, ben + -; pair 1: ann +, cleo -. Ann and ben are one group, cleo the other.
    table = Comparisons.from_arrays(
        [0, 0, 1, 0, 2, 3], [1, 1, 0, 1, 3, 2], [1, 1, -1, -1, 1, 1],
        annotator=[0, 0, 1, 1, 0, 2], n_items=4,
    )  # fmt: skip
    gamma = [[1, 0, 0], [1, 0, 0], [0, 1, 0]]
    found = noise_budget(table, [0, 1, 2], gamma)
    assert (found.within_annotators.value, found.within_annotators.pairs) == (0.5, 2)
    assert (found.within_groups.value, found.within_groups.pairs) == (0.5, 1)
    assert (found.between_groups.value, found.between_groups.pairs) == (1.0, 1)


def test_contexts_are_not_repeats_and_missing_evidence_is_said() -> None:
    table = Comparisons.from_arrays(
        [0, 0], [1, 1], [1, -1], annotator=[0, 0], group=[0, 1], n_items=2
    )
    found = noise_budget(table, [0], [[1.0, 0.0]])
    assert np.isnan(found.within_annotators.value)
    assert np.isnan(found.flips_within_annotators)
    assert found.within_annotators.pairs == 0
    assert found.one_group
    empty = noise_budget(Comparisons.from_arrays([], [], [], n_items=2), [], np.zeros((0, 2)))
    assert np.isnan(empty.within_groups.value)
