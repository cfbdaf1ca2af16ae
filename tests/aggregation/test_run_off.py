"""Run-off elections: weights stand for rows, and ties fall to nobody by his place in the table."""

from typing import Any

import numpy as np
import pytest

from aggregation.catalogue import METHODS
from aggregation.results import AggregateResult, WarningCode
from aggregation.tables import Ratings

TURN = [[3, 2, 1], [1, 3, 2], [2, 1, 3]]


def elected(scores: Any, weight: Any = None, judge: Any = None) -> AggregateResult:
    """One question: a row of scores per judge, NaN where he gave none."""
    given = np.array(scores, dtype=float)
    J, K = given.shape
    table = Ratings.from_arrays(
        np.tile(np.arange(K), J),
        np.repeat(np.arange(J) if judge is None else judge, K),
        given.ravel(),
        weight=None if weight is None else np.repeat(np.array(weight, dtype=float), K),
        group=np.zeros(J * K, dtype=int),
    )
    return METHODS["run_off"].fit(table)


def shares(result: AggregateResult) -> list[float]:
    assert result.posterior is not None
    return [float(share) for share in result.posterior[0]]


def labels(result: AggregateResult) -> list[int]:
    assert result.label is not None
    return [int(label) for label in result.label]


def test_a_weight_of_two_is_the_judge_twice() -> None:
    pair, split = [[3, 2, 1], [1, 3, 2]], [0.5, 0.5, 0]
    assert shares(elected(pair)) == pytest.approx(split)
    for twice in (elected(pair, [2, 1]), elected([pair[0], *pair], judge=[0, 0, 1])):
        assert shares(twice) == pytest.approx([2 / 3, 1 / 3, 0])
        assert labels(twice) == [0]


def test_a_turn_of_three_elects_nobody() -> None:
    result = elected(TURN)
    assert labels(result) == [-1]
    assert WarningCode.TIE_UNRESOLVED in result.codes
    assert shares(result) == pytest.approx([1 / 3, 1 / 3, 1 / 3])


def test_a_tie_for_second_place_that_decides_nothing_is_no_tie() -> None:
    """0 meets 1 or 2, who are alike, and beats either 3:1."""
    result = elected([[3, 2, 1], [3, 1, 2], [2, 3, 1], [2, 1, 3]])
    assert shares(result) == pytest.approx([3 / 4, 1 / 8, 1 / 8])
    assert labels(result) == [0]
    assert WarningCode.TIE_UNRESOLVED not in result.codes


def test_a_tie_for_second_place_that_decides_stays_open() -> None:
    """1 and 2 are level in first places and means; 0 beats 1 by 5:2 and loses to 2 by 3:4."""
    result = elected([[9, 3, 1]] * 3 + [[0, 9, 7]] * 2 + [[5, 4, 9]] * 2)
    assert shares(result) == pytest.approx([4 / 7, 1 / 7, 2 / 7])
    assert labels(result) == [-1]
    assert WarningCode.TIE_UNRESOLVED in result.codes


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 2, 0]])
def test_whoever_scored_neither_finalist_does_not_vote(order: list[int]) -> None:
    nan = np.nan
    scores = [[3, 2, nan], [3, 2, nan], [3, nan, nan], [nan, 2, nan], [2, 3, nan], [nan, nan, 9]]
    result = elected(np.array(scores)[:, order])
    assert shares(result) == pytest.approx([[3 / 5, 2 / 5, 0][k] for k in order])


def test_a_candidate_of_another_question_leaves_the_score_alone() -> None:
    table = Ratings.from_arrays(
        [0, 1, 2, 3], [0, 0, 0, 0], [2, 1, 5, 4], group=[0, 0, 1, 1], annotator_ids=["judge"]
    )
    assert METHODS["run_off"].fit(table).score.tolist() == [1.0, 1.0]
