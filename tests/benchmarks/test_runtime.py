"""The part of benchmarks/runtime.py that is for GPUs, at toy size on the CPU: its sums are right
and it runs, so that a machine with a GPU needs no mending first."""

import runpy
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "runtime.py"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        any(find_spec(name) is None for name in ("torch", "transformers")),
        reason="torch and transformers are absent",
    ),
]


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT), run_name="benchmark")


def test_without_a_gpu_it_says_so_and_tries_its_code_with_a_toy(
    script: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    scored, written = script["on_gpu"]()
    for reached in (scored, written):
        assert reached.tokens > 0
        assert 0 < reached.share < 1.5, "more than the limit: the sum is wrong"
    said = capsys.readouterr().out
    assert "No GPU could be used here" in said
    assert "matrix product" in said
    assert "copy" in said
    assert "tiny packed scoring against the matrix product" in said
    assert "tiny writing, 8 at once at about 30 tokens" in said
    assert "missed" not in said


def test_operations_and_bytes_are_those_of_the_shape(script: dict[str, Any]) -> None:
    """By hand for the tiny shape: 128 wide, 384 inside, 4 layers, 4 heads of 32 and 2 for keys."""
    import torch

    model = script["build"]("tiny", "causal", vocabulary=1000, device="cpu", dtype=torch.float32)
    layer = 128 * 128 + 2 * 128 * 64 + 128 * 128 + 3 * 128 * 384 + 2 * 128
    assert script["linear_parameters"](model) == 4 * layer
    attention = 2 * 4 * 4 * 32
    expected = 2 * 4 * layer * (10 + 20) + attention * (100 + 400)
    assert script["scoring_flops"](model, [10, 20]) == expected
    cache = 2 * 4 * 4 * 2 * 32  # keys and values, four bytes each
    weights = 4 * (4 * layer + 128 * 1000)
    toy = script["TOY"]
    expected = (toy.new - 1) * (weights + toy.at_once * (toy.before + toy.new / 2) * cache)
    assert script["writing_bytes"](model, toy, 4) == expected


def test_the_8b_shape_is_an_8b_models(script: dict[str, Any]) -> None:
    shape = script["shape"]("8B")
    hidden, inside = shape["hidden_size"], shape["intermediate_size"]
    keys = shape["num_key_value_heads"] * shape["head_dim"]
    layer = 2 * hidden**2 + 2 * hidden * keys + 3 * hidden * inside
    assert shape["num_hidden_layers"] * layer == pytest.approx(6.98e9, rel=0.001)
