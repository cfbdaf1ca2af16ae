"""The table of faults names tests that exist, and leaves out none that collecting or a
model meets."""

import importlib

import pytest

from tests.faults import FAULTS


def test_every_fault_that_collecting_or_a_model_meets_is_in_the_table() -> None:
    assert set(FAULTS) == {*range(1, 20), *range(21, 27), 37, 38}


@pytest.mark.parametrize("number", FAULTS)
def test_its_tests_exist(number: int) -> None:
    for name in FAULTS[number][1]:
        module, _, test = name.rpartition(".")
        folder = "tests" if "." in module else "tests.faults"
        assert callable(getattr(importlib.import_module(f"{folder}.{module}"), test)), name
