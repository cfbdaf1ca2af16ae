"""Reading many texts in one row: no padding, and no text sees another.

Texts stand one behind the other, and positions begin again at 0 with each. Two ways keep them
apart. `segments`: an attention of our own computes each text by itself, which costs nothing extra
(on a GPU by torch's varlen kernel). `masked`: the library sees from the positions where texts
begin and makes a block-diagonal mask; that costs a square of the row's length, and it does so only
without a cache. With `use_cache` at its default the texts see each other and every score is wrong,
silently. So `use_cache=False` stands in the one call below, and a model is packed only after its
packed results equalled those of single rows when it was loaded.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Any

from models_runtime.engines import _attention

MASKED_BUDGET = 2048  # tokens a row; the mask grows with the square
TOLERANCE = {"float32": 1e-4, "float64": 1e-4}  # of a score, relative; others get COARSE
COARSE = 5e-2


def hidden_states(model: Any, rows: Sequence[Sequence[int]], *, way: str) -> list[Any]:
    """The last hidden states of each row, [tokens, size], read as one packed row."""
    import torch

    device = next(model.parameters()).device
    ends = tuple(accumulate(map(len, rows), initial=0))
    ids = torch.tensor([[token for row in rows for token in row]], device=device)
    positions = torch.cat([torch.arange(len(row), device=device) for row in rows]).unsqueeze(0)
    apart: dict[str, Any] = {}
    if way == "segments":
        nothing = torch.zeros((1, 1, 1, 1), dtype=torch.bool, device=device)  # so none is made
        apart = {"attention_mask": nothing, "segments": ends}
    with torch.inference_mode():
        hidden = model.base_model(
            input_ids=ids, position_ids=positions, use_cache=False, **apart
        ).last_hidden_state[0]
    return [hidden[start:end] for start, end in pairwise(ends)]


def choose_way(model: Any, *, alone: Callable[[Sequence[int]], Any]) -> tuple[str, str]:
    """("segments" | "masked" | "", why not better): the best way whose hidden states equal those
    that `alone` gives for single rows. Leaves the model with the attention that it needs.
    """
    import torch

    rows = _sample_rows(model)
    expected = [alone(row) for row in rows]
    before = model.config._attn_implementation
    because = ""
    for way in ("segments", "masked") if _is_plain(model) else ("masked",):
        try:
            if way == "segments":
                _attention.install(model)
            got = hidden_states(model, rows, way=way)
        except (TypeError, ValueError, RuntimeError, NotImplementedError, ImportError) as error:
            because = f"{type(error).__name__}: {error}"[:200]
        else:
            dtype = str(expected[0].dtype).removeprefix("torch.")
            near = TOLERANCE.get(dtype, COARSE)
            scale = max(float(each.detach().abs().max()) for each in expected)
            off = max(
                float((mine - right).detach().abs().max())
                for mine, right in zip(got, expected, strict=True)
            )
            if off <= near * max(1.0, scale):
                return way, because
            because = f"packed results were off by {off:.2g}"
        model.set_attn_implementation(before)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return "", because


def _is_plain(model: Any) -> bool:
    """Whether every layer attends to all that came before."""
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    return kinds == {"full_attention"}


def _sample_rows(model: Any) -> list[list[int]]:
    """Rows of ordinary tokens, different lengths; the same for every load."""
    size = int(model.config.get_text_config().vocab_size)
    return [[(7 * place + 13 * row + 5) % size for place in range(5 + 9 * row)] for row in range(4)]
