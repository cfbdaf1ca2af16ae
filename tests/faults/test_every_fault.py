"""The table of faults names tests that exist, and leaves out none that collecting meets."""

import importlib

import pytest

from tests.faults import FAULTS


def test_every_fault_that_collecting_meets_is_in_the_table() -> None:
    assert set(FAULTS) == {*range(1, 11), 16, 19, *range(21, 27), 38}


@pytest.mark.parametrize("number", FAULTS)
def test_its_tests_exist(number: int) -> None:
    for name in FAULTS[number][1]:
        module, _, test = name.partition(".")
        assert callable(getattr(importlib.import_module(f"tests.faults.{module}"), test)), name
