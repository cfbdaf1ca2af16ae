import math

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from annotation.content import add_candidate, add_prompt
from annotation.models import Candidate, Measurement, Project
from models_runtime.combining import combine
from models_runtime.combining_rewards import Part, combine_rewards
from models_runtime.errors import NotPossible
from models_runtime.models import Scoring
from tests.models_runtime.worlds import project_with_prompts

A = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
B = np.array([10.0, 0.0, 20.0, np.nan, 30.0])


def test_log_sigmoid_sums_what_lies_above_the_reference() -> None:
    found = combine([A, B], method="log_sigmoid")
    whole = A[[0, 1, 2, 4]]
    assert list(found.references) == pytest.approx([1.5, 15.0])
    assert math.isnan(found.values[3])
    expected = -math.log1p(math.exp(-(2 - 1.5))) - math.log1p(math.exp(-(20 - 15)))
    assert found.values[2] == pytest.approx(expected)
    assert whole.size == int(np.isfinite(found.values).sum())


def test_log_sigmoid_does_not_overflow_and_saturates_above() -> None:
    far = np.array([-1e6, 0.0, 1e6])
    found = combine([far], method="log_sigmoid")
    assert found.values[0] == pytest.approx(-1e6)
    assert found.values[1] == pytest.approx(-math.log(2))
    assert found.values[2] == pytest.approx(0, abs=1e-12)


def test_weighted_and_minimum() -> None:
    assert combine([A, B], method="weighted", weights=[2, 0.1]).values[4] == pytest.approx(11)
    least = combine([A, 100 - A], method="minimum").values
    assert least[2] == pytest.approx(0)
    assert int(least.argmax()) == 2


def test_order_of_parts_and_rows_does_not_matter() -> None:
    order = np.array([4, 2, 0, 1, 3])
    for method in ("log_sigmoid", "weighted", "minimum"):
        plain = combine([A, B], method=method).values
        turned = combine([B, A], method=method).values
        mixed = combine([A[order], B[order]], method=method).values
        np.testing.assert_allclose(plain, turned)
        np.testing.assert_allclose(plain[order], mixed)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"method": "magic"}, "one of"),
        ({"method": "weighted", "weights": [1.0]}, "one finite weight"),
        ({"method": "log_sigmoid", "quantile": 1.0}, "between 0 and 1"),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        combine([A, B], **fields)  # type: ignore[arg-type]


@pytest.fixture
def project(db: None) -> Project:
    made = project_with_prompts(0)
    prompt = add_prompt(project=made, messages="Hm?", external_id="p")
    for place in range(4):
        candidate = add_candidate(prompt=prompt, text=f"t{place}", external_id=str(place))
        Measurement.objects.create(
            candidate=candidate, name="reward", source="a", number=float(place)
        )
        if place:
            Measurement.objects.create(
                candidate=candidate, name="help", source="b", number=-float(place)
            )
    return made


def test_a_combination_is_kept_with_its_parts(project: Project) -> None:
    made = combine_rewards(project, [Part("reward"), Part("help", weight=2.0)], method="weighted")
    assert (made.candidates, made.left_out) == (3, 1)
    assert made.parts[1] == {"name": "help", "source": "b", "weight": 2.0, "reference": None}
    kept = Measurement.objects.filter(scoring__combination=made)
    values = dict(kept.values_list("candidate__external_id", "number"))
    assert values == {"1": -1.0, "2": -2.0, "3": -3.0}
    assert Scoring.objects.count() == 3
    again = combine_rewards(project, [Part("reward"), Part("help")], name="combined")
    assert again != made
    assert Measurement.objects.filter(name="combined").count() == 6


def test_a_name_with_several_sources_must_be_told_apart(project: Project) -> None:
    first = Candidate.objects.first()
    assert first is not None
    Measurement.objects.create(candidate=first, name="reward", source="z", number=1.0)
    with pytest.raises(NotPossible, match="There are: a; z"):
        combine_rewards(project, [Part("reward")])
    with pytest.raises(NotPossible, match="no number called"):
        combine_rewards(project, [Part("charm")])
    with pytest.raises(NotPossible, match="chosen twice"):
        combine_rewards(project, [Part("help"), Part("help", "b")])


def test_the_command_combines(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("combine_rewards", "advice", "reward@a=0.5", "help", method="minimum")
    assert "3 candidates combined, 1 left out" in capsys.readouterr().out
    with pytest.raises(CommandError, match="with a number"):
        call_command("combine_rewards", "advice", "reward=much")
