"""Whether the majority is enough: a certificate, real labels with gold, simulated crowds."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings

from aggregation.diagnose_command_line import read_gold
from aggregation.findings.majority import sentences, verdict
from aggregation.options import Options
from aggregation.reading import Reading, read_table
from aggregation.subjects.majority import examine_labels
from aggregation.tables import Labels

SHARED_DATA = Path(settings.BASE_DIR).parent / "shared" / "data"


def crowd(skill: list[float], units: int = 300, classes: int = 2, seed: int = 0) -> Labels:
    """Everybody labels every unit and is right with these chances; the truth is the gold."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, units)
    said = [
        np.where(rng.random(units) < p, truth, (truth + rng.integers(1, classes, units)) % classes)
        for p in skill
    ]
    return replace(
        Labels.from_arrays(
            np.tile(np.arange(units), len(skill)),
            np.repeat(np.arange(len(skill)), units),
            np.concatenate(said),
            n_classes=classes,
        ),
        gold=truth.astype(np.int32),
    )


def weights_of(table: Labels) -> dict[str, Any]:
    found: dict[str, Any] = examine_labels(table, Options(), lambda _done: None)["weights"]
    return found


def test_equally_good_annotators_are_certified() -> None:
    found = weights_of(replace(crowd([0.7, 0.7, 0.7]), gold=None))
    assert found["certificate"]["units"] == 300
    assert found["certificate"]["optimal"] == 300
    assert found["certificate"]["excess"] == pytest.approx(0.0, abs=1e-12)
    assert found["gold"] is None
    assert "best rule on every unit" in verdict(found)


def test_an_even_panel_whose_ties_weights_would_settle_is_not_certified() -> None:
    found = weights_of(replace(crowd([0.85, 0.75, 0.75, 0.7], units=400), gold=None))
    assert found["certificate"]["optimal"] == 0
    assert found["certificate"]["excess"] > 0.02
    assert "best rule on every unit" not in verdict(found)


def test_enough_known_answers_certify_whatever_reliabilities_they_leave_possible() -> None:
    found = weights_of(crowd([0.85, 0.85, 0.85], units=4000))
    assert found["certificate"]["sure"] == 4000
    assert "known answers leave possible, it is on 4,000" in " ".join(sentences(found))


def test_few_known_answers_leave_possible_that_weights_help() -> None:
    found = weights_of(crowd([0.85, 0.85, 0.85], units=40))
    assert found["certificate"]["sure"] == 0
    assert weights_of(replace(crowd([0.85] * 3), gold=None))["certificate"]["sure"] is None


def test_one_good_annotator_among_coins_is_not() -> None:
    found = weights_of(crowd([0.97, 0.55, 0.55, 0.55, 0.55], units=600))
    assert found["certificate"]["optimal"] == 0
    assert found["changed"] > 0
    assert found["gold"]["lo"] > 0
    assert found["gold"]["model"] > found["gold"]["majority"]
    assert verdict(found).startswith("Use a learned rule")


def test_three_classes_have_no_certificate_but_the_other_looks() -> None:
    found = weights_of(crowd([0.8, 0.7, 0.6], classes=3))
    assert found["certificate"] is None
    assert found["parameters"] == 6
    assert found["few"] == 0
    assert len(sentences(found)) == 3


def test_nothing_at_all_gives_no_numbers() -> None:
    found = weights_of(Labels.from_arrays([], [], [], n_units=3, n_classes=2))
    assert (found["units"], found["labels"], found["changed"]) == (0, 0, 0)
    assert found["labels_per_unit"] is None
    assert found["gold"] is None


def test_adult_content_says_why_em_does_not_help() -> None:
    folder = SHARED_DATA / "adult_content_crowd"
    if not folder.exists():
        pytest.skip("the adult content data are not on this machine")
    table = read_table(
        folder / "judgments.csv.gz", Reading("labels", {"unit": "item", "label": "label"})
    )
    assert isinstance(table, Labels)
    found = weights_of(replace(table, gold=read_gold(folder / "gold.csv.gz", table)))
    gold = found["gold"]
    assert gold["units"] == 333
    assert gold["majority"] == pytest.approx(0.7598, abs=1e-4)
    assert gold["model"] < gold["majority"]
    assert gold["lo"] < 0 < gold["hi"] or gold["hi"] < 0  # never a gain
    assert (found["annotators"], found["parameters"]) == (825, 12)
    assert found["few"] > 300
    said = " ".join([verdict(found), *sentences(found)])
    assert "the majority" in said
    assert "12 numbers about each annotator" in said
    assert "76.0%" in said
