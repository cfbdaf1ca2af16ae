"""Tiny models with random weights, built once per run: they say nothing, but exactly."""

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

WORDS = (
    "May I paint my rented flat? Ask your landlord first, in writing. Response A is better than "
    "Response B. Yes. No. It depends on the contract; a neighbour's dog barks all night. "
) * 3
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
LONGEST = 2048


@cache
def _home() -> Path:
    """A folder for this test process, deleted when it ends, but not when a fork of it ends."""
    home = Path(tempfile.mkdtemp(prefix="polyphony-tiny-"))
    atexit.register(_delete, home, os.getpid())
    return home


def _delete(home: Path, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(home)


def _tokenizer(words: str = WORDS, size: int = 420) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["<|end|>", "<|pad|>", "<|system|>", "<|user|>", "<|assistant|>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator([words], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|end|>",
        pad_token="<|pad|>",
        chat_template=TEMPLATE,
    )


def _config(kind: str, tokenizer: Any, **more: Any) -> Any:
    import transformers

    return getattr(transformers, f"{kind}Config")(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        **{"max_position_embeddings": LONGEST, **more},
    )


def _save(
    kind: str,
    head: str,
    *,
    name: str = "",
    tokenizer: Any = None,
    nudged: tuple[str, ...] = (),
    by: float = 0.0,
    before: str = "",
    **more: Any,
) -> str:
    """The folder of a new model of a `kind` (Llama, Qwen3), with the head that its class names.
    Scores of tokens that are `nudged` rise by `by`."""
    import torch
    import transformers

    torch.set_num_threads(1)  # threads that wait for each other cost more than tiny models do
    folder = _home() / (name or f"{kind}{head}")
    tokenizer = tokenizer or _tokenizer()
    torch.manual_seed(7)
    model_class = getattr(transformers, f"{kind}{head}")
    model = model_class(_config(kind, tokenizer, **more)).float().eval()
    with torch.no_grad():  # sharper than a fresh model, so that greedy choices aren't near ties
        for parameter in model.parameters():
            parameter.mul_(3 if parameter.dim() > 1 else 1)
        if nudged:  # their scores rise by `by` where the state is as mostly, or as after `before`
            said = tokenizer(f"{WORDS}{before}", return_tensors="pt").input_ids
            state = model.model(said).last_hidden_state[0]
            mean = state[-1] if before else state.mean(dim=0)
            vocabulary = tokenizer.get_vocab()
            spelled = [each for token in nudged for each in (token, f"Ġ{token}")]
            for token in [vocabulary[each] for each in spelled if each in vocabulary]:
                model.lm_head.weight[token] += by * mean / mean.norm() ** 2
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    return str(folder)


@cache
def tiny_llama() -> str:
    return _save("Llama", "ForCausalLM")


def _judges_tokenizer() -> Any:
    """Knows the words of judges' templates, and labels as single tokens."""
    from models_runtime.catalogue import PROTOCOLS

    asked = [template for each in PROTOCOLS.values() for template in each.templates]
    words = " ".join(f"{each.rules} {each.intro} {each.task}" for each in asked)
    return _tokenizer(f"{WORDS} {words} {'True False 1 2 3 4 5 A B C Yes No ' * 20}", 1500)


@cache
def tiny_writer() -> str:
    """A tiny Llama with room for a judge's longest prompt, that comes to an end after a few tokens
    at most: what random weights say needs no six hundred."""
    return _save(
        "Llama",
        "ForCausalLM",
        name="writer",
        tokenizer=_judges_tokenizer(),
        nudged=("<|end|>",),
        by=40.0,
        max_position_embeddings=4 * LONGEST,
    )


@cache
def tiny_labeller(labels: tuple[str, ...]) -> str:
    """A tiny Llama whose next token is one of `labels`; which one, its random weights decide."""
    return _save(
        "Llama",
        "ForCausalLM",
        name=f"labeller-{'-'.join(labels)}",
        tokenizer=_judges_tokenizer(),
        nudged=labels,
        by=90.0,
        before="<|end|><|assistant|>",
        max_position_embeddings=4 * LONGEST,
    )


@cache
def tiny_qwen() -> str:
    return _save("Qwen3", "ForCausalLM")


@cache
def tiny_reward(kind: str = "Llama") -> str:
    return _save(kind, "ForSequenceClassification", num_labels=1)


@cache
def tiny_encoder() -> str:
    return _save("Llama", "Model")
