"""The attention that local models use where it is more than the library's own.

Three cases in one function, so that a model needs no switching while it works: texts packed in one
row are computed each by itself; texts that continuous batching continues on a CPU likewise, where
the library would let every text look at all others and mask that out; anything else goes to the
library.
"""

from itertools import pairwise
from typing import Any

NAME = "polyphony"


def install(model: Any) -> None:
    """Let `model` use this attention."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    model.set_attn_implementation(NAME)


def is_installed(model: Any) -> bool:
    return bool(model.config._attn_implementation == NAME)


def attend(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    *,
    scaling: float | None = None,
    segments: tuple[int, ...] | None = None,
    cache: Any = None,
    **more: Any,
) -> tuple[Any, None]:
    """Causal attention. Tensors are [1, heads, tokens, size] where `segments` (the ends of packed
    texts, beginning with 0) or a paged `cache` is given."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    if segments is not None:
        return _within(query, key, value, segments, scaling), None
    if cache is not None and not query.is_cuda:
        key, value = cache.update(
            key_states=key, value_states=value, layer_idx=module.layer_idx, kwargs=more
        )
        ends = more["cu_seq_lens_q"].tolist(), more["cu_seq_lens_k"].tolist()
        return _with_their_own_past(query, key, value, *ends, scaling), None
    if cache is not None:
        more["cache"] = cache
    out, _ = sdpa_attention_forward(
        module, query, key, value, attention_mask, scaling=scaling, **more
    )
    return out, None


def _within(
    query: Any, key: Any, value: Any, segments: tuple[int, ...], scaling: float | None
) -> Any:
    import torch

    if query.is_cuda:
        return _within_on_gpu(query, key, value, segments, scaling)
    parts = [
        torch.nn.functional.scaled_dot_product_attention(
            query[:, :, start:end],
            key[:, :, start:end],
            value[:, :, start:end],
            is_causal=end - start > 1,
            scale=scaling,
            enable_gqa=key.shape[1] != query.shape[1],
        )
        for start, end in pairwise(segments)
    ]
    return torch.cat(parts, dim=2).transpose(1, 2)


def _within_on_gpu(
    query: Any, key: Any, value: Any, segments: tuple[int, ...], scaling: float | None
) -> Any:
    import torch
    from torch.nn.attention.varlen import varlen_attn

    ends = torch.tensor(segments, dtype=torch.int32, device=query.device)
    longest = max(end - start for start, end in pairwise(segments))
    flat = [each[0].transpose(0, 1).contiguous() for each in (query, key, value)]
    out = varlen_attn(
        *flat,
        ends,
        ends,
        longest,
        longest,
        scale=scaling,
        window_size=(-1, 0),
        enable_gqa=key.shape[1] != query.shape[1],
    )
    return out.unsqueeze(0)


def _with_their_own_past(
    query: Any, key: Any, value: Any, q_ends: list[int], k_ends: list[int], scaling: float | None
) -> Any:
    """Texts of one step of continuous batching: some read many tokens, most write one."""
    import torch

    attention = torch.nn.functional.scaled_dot_product_attention
    groups = query.shape[1] // key.shape[1]
    out = torch.zeros_like(query)
    for (q0, q1), (k0, k1) in zip(pairwise(q_ends), pairwise(k_ends), strict=True):
        keys, values = key[:, :, k0:k1], value[:, :, k0:k1]
        if q1 - q0 == 1:  # heads that share their keys stand in for several tokens
            one = query[:, :, q0].view(1, key.shape[1], groups, -1)
            out[:, :, q0] = attention(one, keys, values, scale=scaling).view(1, query.shape[1], -1)
        elif q1 > q0:
            past = k1 - k0 - (q1 - q0)
            mask = torch.ones((q1 - q0, k1 - k0), dtype=torch.bool).tril(diagonal=past)
            out[:, :, q0:q1] = attention(
                query[:, :, q0:q1],
                keys,
                values,
                attn_mask=mask if past else None,
                is_causal=not past,
                scale=scaling,
                enable_gqa=groups > 1,
            )
    return out.transpose(1, 2)
