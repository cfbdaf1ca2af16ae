"""MACE with its random starts: they find better optima, and settle no tie."""

from dataclasses import replace

import numpy as np
import pytest

from aggregation.catalogue import METHODS
from aggregation.methods.consensus._votes import Expectation
from aggregation.methods.consensus.mace import MaceOptions, _best
from aggregation.results import WarningCode
from aggregation.tables import Labels
from tests.aggregation.worlds import toy_labels

MACE = METHODS["mace"]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("restarts", [1, 3, 10])
def test_the_toy_is_the_same_from_however_many_starts(seed: int, restarts: int) -> None:
    result = MACE.fit(toy_labels(), MaceOptions(seed=seed, restarts=restarts))
    assert result.posterior is not None
    np.testing.assert_allclose(
        result.posterior[:, 1], [0.92516, 0.07623, 0.95336, 0.43991, 0.04753, 0.43991], atol=6e-6
    )
    assert result.posterior[3, 1] == pytest.approx(result.posterior[5, 1], abs=1e-12)


@pytest.mark.parametrize("swapped", [False, True])
def test_two_people_who_differ_leave_a_unit_open(swapped: bool) -> None:
    table = Labels.from_arrays([0, 0], [0, 1], [1, 0] if swapped else [0, 1])
    result = MACE.fit(table)
    assert result.label is not None
    assert result.label.tolist() == [-1]
    assert WarningCode.TIE_UNRESOLVED in result.codes


def test_a_start_that_is_truly_better_is_taken() -> None:
    even = Expectation(np.ones((1, 1)), -10.0, -10.0, 1, True, None)
    level, better = (replace(even, loglik=value) for value in (-10.0 + 1e-7, -9.9))
    assert _best([even, level], 1e-8) is even
    assert _best([even, level, better], 1e-8) is better
