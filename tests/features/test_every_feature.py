"""The table of features names tests that exist, and a reason where a peer's feature has none."""

import importlib

import pytest

from tests.features import FEATURES, NO, PEERS


def exists(name: str) -> bool:
    module, _, test = name.rpartition(".")
    return test.startswith("test_") and callable(
        getattr(importlib.import_module(f"tests.{module}"), test, None)
    )


@pytest.mark.parametrize("feature", FEATURES)
def test_a_feature_names_its_tests(feature: str) -> None:
    assert FEATURES[feature]
    assert [name for name in FEATURES[feature] if not exists(name)] == []


@pytest.mark.parametrize("row", PEERS)
def test_what_peers_offer_is_there_or_left_out_for_a_reason(row: str) -> None:
    assert PEERS[row]
    for each in PEERS[row]:
        assert exists(each) or len(each.removeprefix(NO).split()) > 8, each
