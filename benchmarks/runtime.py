"""How fast do local models write and score, against plain padded batches of the same library?

    .venv/bin/python benchmarks/runtime.py [--quick] [--texts 96] [--only writing] [--gpu-only]

Models with random weights are built here: speed doesn't depend on what they say. Lengths are
log-normal, drawn from a fixed seed, and the same for both sides; texts end at their own length.
`Plain` is what one writes first: batches of 16 in the order of arrival, padded to their longest,
continued until the last of them is done. Only tokens of texts count (useful tokens a second), for
both sides, each measured in turns, best of three. The limits printed beside are what this machine
reaches in one large matrix product and in copying memory, measured in the same run.

Beside the ratio of wall-clock times stands that of processor times, which other programs on the
machine disturb less. `--quick` has a smaller model and one round.

On a GPU an 8B-shaped and a 0.6B-shaped model are measured against the limits: the share of the
matrix product that packed scoring reaches, and the share of the memory's speed that batched
writing reaches. Where no GPU can be used, that is said, and the same code is run once on the CPU
with a toy, so that it is known to work; its shares say nothing of a GPU.
"""

import argparse
import os
import platform
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.surroundings import own_folder  # noqa: E402

PLAIN_BATCH = 16
SEED = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=96)
    parser.add_argument("--quick", action="store_true", help="a smaller model, one round")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU, for both sides")
    parser.add_argument("--only", choices=("scoring", "writing"), help="of the CPU's two parts")
    parser.add_argument("--gpu-only", action="store_true")
    options = parser.parse_args()
    import torch
    import transformers

    torch.set_num_threads(options.threads)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load}")
    print(f"torch {torch.__version__}, transformers {transformers.__version__}\n")
    with own_folder() as home:
        if not options.gpu_only:
            rounds = 1 if options.quick else 3
            on_cpu(home, options.texts, rounds=rounds, quick=options.quick, only=options.only)
        if options.gpu_only or not options.only:
            on_gpu()


# --- Models and texts -----------------------------------------------------------------------------


def shape(size: str) -> dict[str, int]:
    """Widths of a decoder. 8B is Llama 3.1's, 0.6B Qwen 3's."""
    return {
        "tiny": {"hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 4,
                 "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32},
        "small": {"hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 6,
                  "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 32},
        "0.6B": {"hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28,
                 "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128},
        "8B": {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
               "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128},
    }[size]  # fmt: skip


def build(size: str, kind: str, *, vocabulary: int, device: str, dtype: Any) -> Any:
    import torch
    import transformers

    torch.manual_seed(SEED)
    config = transformers.LlamaConfig(
        vocab_size=vocabulary,
        max_position_embeddings=8192,
        pad_token_id=1,
        eos_token_id=0,
        bos_token_id=None,
        num_labels=1,
        **shape(size),
    )
    made = (
        transformers.LlamaForCausalLM
        if kind == "causal"
        else transformers.LlamaForSequenceClassification
    )
    with torch.device(device):
        before = torch.get_default_dtype()
        torch.set_default_dtype(dtype)
        try:
            model = made(config)
        finally:
            torch.set_default_dtype(before)
    return model.eval()


def saved(home: Path, size: str, kind: str) -> str:
    """A folder with the model and a tokenizer that has a word for each number."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    folder = home / f"{size}-{kind}"
    words = {"<end>": 0, "<pad>": 1, "<unk>": 2} | {f"w{i}": i + 3 for i in range(1021)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<end>",
        pad_token="<pad>",
        unk_token="<unk>",
        chat_template="{% for m in messages %}{{ m['content'] }} {% endfor %}",
    ).save_pretrained(folder)
    build(size, kind, vocabulary=1024, device="cpu", dtype=torch.float32).save_pretrained(folder)
    return str(folder)


def lengths(count: int, *, median: int, spread: float, most: int) -> list[int]:
    drawn = random.Random(SEED + median)
    return [
        max(4, min(most, round(median * 2.718281828 ** drawn.gauss(0, spread))))
        for _ in range(count)
    ]


def words(count: int, drawn: random.Random) -> str:
    return " ".join(f"w{drawn.randrange(1021)}" for _ in range(count))


# --- Limits ---------------------------------------------------------------------------------------


ENOUGH = 0.5  # seconds


def limits(device: str, dtype: Any, *, size: int) -> tuple[float, float]:
    """(floating point operations a second of a matrix product, bytes a second of a copy)."""
    import torch

    a = torch.randn(size, size, device=device, dtype=dtype)
    product = best_of(lambda: a @ a, device, times=5)
    big = torch.empty((1 << 30) if device != "cpu" else (1 << 27), dtype=torch.uint8, device=device)
    other = torch.empty_like(big)
    copying = best_of(lambda: other.copy_(big), device, times=5)
    return 2 * size**3 / product, 2 * big.numel() / copying


def best_of(work: Callable[[], object], device: str, *, times: int) -> float:
    """Shortest of so many runs, in seconds, the first not counted. What is quick runs on until it
    has taken ENOUGH: a limit is what the machine can do, not what others leave it for a moment.
    """
    import torch

    found: list[float] = []
    while len(found) <= times or sum(found) < ENOUGH:
        began = time.perf_counter()
        work()
        if device != "cpu":
            torch.cuda.synchronize()
        found.append(time.perf_counter() - began)
    return min(found[1:])


# --- The CPU: against plain padded batches --------------------------------------------------------


def on_cpu(home: Path, count: int, *, rounds: int, quick: bool, only: str | None = None) -> None:
    import torch

    size = "tiny" if quick else "small"
    flops, copied = limits("cpu", torch.float32, size=1024)
    print(f"CPU limits: matrix product {flops / 1e9:,.0f} GFLOP/s, copy {copied / 1e9:.1f} GB/s")
    if only != "writing":
        scoring(saved(home, size, "reward"), count, rounds, size)
    if only != "scoring":
        generating(saved(home, size, "causal"), count, rounds, size)


def open_engine(folder: str, **options: Any) -> Any:
    from models_runtime.catalogue import ENGINES
    from models_runtime.engines import ModelReference

    told = {"device": "cpu", "dtype": "float32"} | options
    engine = ENGINES["transformers_local"].open(ModelReference(folder, options=told))
    engine.check()
    return engine


def scoring(folder: str, count: int, rounds: int, size: str) -> None:
    import torch

    from models_runtime.engines import Message, RewardRequest

    engine = open_engine(folder, kind="reward")
    held = engine._loaded()
    drawn = random.Random(SEED)
    texts = [words(n, drawn) for n in lengths(4 * count, median=60, spread=1.0, most=2000)]
    asked = [RewardRequest(str(i), (Message("user", text),)) for i, text in enumerate(texts)]
    useful = sum(len(held.tokenizer(text).input_ids) for text in texts)
    plain = transformers_model(folder, "AutoModelForSequenceClassification")

    def one_by_plain() -> list[float]:
        scores: list[float] = []
        for batch in in_batches(texts):
            told = held.tokenizer(list(batch), padding=True, return_tensors="pt")
            with torch.inference_mode():
                out = plain(input_ids=told["input_ids"], attention_mask=told["attention_mask"])
            scores += out.logits[:, 0].tolist()
        return scores

    def ours() -> list[float]:
        by_key = {reply.key: reply.values["reward"] for reply in engine.rate(asked)}
        return [by_key[str(i)] for i in range(len(texts))]

    off = max(abs(a - b) for a, b in zip(ours(), one_by_plain(), strict=True))
    print(f"\nScoring, {size} model, {len(texts)} texts, {useful:,} tokens ({held.packing})")
    print(f"  largest difference of scores {off:.1e}")
    report(useful, ours, one_by_plain, rounds, aim=2.5)


def generating(folder: str, count: int, rounds: int, size: str) -> None:
    import torch

    from models_runtime.engines import GenerationRequest, Message, Sampling

    engine = open_engine(folder, kind="causal", max_batch=32)
    held = engine._loaded()
    drawn = random.Random(SEED)
    prompts = [words(n, drawn) for n in lengths(count, median=40, spread=0.8, most=600)]
    news = lengths(count, median=32, spread=0.9, most=256)
    asked = [
        GenerationRequest(str(i), (Message("user", text),), Sampling(max_tokens=new, temperature=0))
        for i, (text, new) in enumerate(zip(prompts, news, strict=True))
    ]
    plain = transformers_model(folder, "AutoModelForCausalLM")
    for model in (plain, held.model):  # texts end at their own length, not at a lucky token
        model.generation_config.eos_token_id = None
    held.tokenizer.eos_token = None
    useful = sum(news)

    def one_by_plain() -> dict[str, list[int]]:
        written: dict[str, list[int]] = {}
        held.tokenizer.padding_side = "left"
        for places in in_batches(range(count)):
            told = held.tokenizer(
                [prompts[i] + " " for i in places], padding=True, return_tensors="pt"
            )
            with torch.inference_mode():
                out = plain.generate(
                    input_ids=told["input_ids"],
                    attention_mask=told["attention_mask"],
                    max_new_tokens=max(news[i] for i in places),
                    do_sample=False,
                    pad_token_id=1,
                )
            for i, row in zip(places, out[:, told["input_ids"].shape[1] :].tolist(), strict=True):
                written[str(i)] = row[: news[i]]
        return written

    def ours() -> dict[str, str]:
        return {reply.key: reply.samples[0].text for reply in engine.generate(asked)}

    mine, theirs = ours(), one_by_plain()
    same = sum(
        mine[key] == held.tokenizer.decode(theirs[key], skip_special_tokens=True) for key in mine
    )
    print(f"\nWriting, {size} model, {count} texts, {useful:,} new tokens (greedy)")
    print(f"  {same} of {count} texts are the same on both sides")
    report(useful, ours, one_by_plain, rounds, aim=1.8)


def transformers_model(folder: str, kind: str) -> Any:
    import torch
    import transformers

    made = getattr(transformers, kind).from_pretrained(folder, dtype=torch.float32).eval()
    made.config.pad_token_id = 1
    return made


def in_batches(things: Sequence[Any]) -> list[Sequence[Any]]:
    return [things[i : i + PLAIN_BATCH] for i in range(0, len(things), PLAIN_BATCH)]


def report(
    useful: int, ours: Callable[[], Any], plain: Callable[[], Any], rounds: int, *, aim: float
) -> None:
    mine, theirs = [], []
    worked: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(rounds):
        for work, into in ((ours, mine), (plain, theirs)):
            began, busy = time.perf_counter(), time.process_time()
            work()
            into.append(time.perf_counter() - began)
            worked[into is mine].append(time.process_time() - busy)
    ratio = min(theirs) / min(mine)
    by_work = min(worked[False]) / min(worked[True])
    print(f"  plain padded batches of {PLAIN_BATCH}: {useful / min(theirs):>9,.0f} tokens/s")
    print(f"  this engine:              {useful / min(mine):>9,.0f} tokens/s")
    verdict = "reached" if ratio >= aim else "missed"
    print(
        f"  ratio {ratio:.2f} (aim {aim}: {verdict}); of processor time {by_work:.2f}", flush=True
    )


# --- The GPU: against the machine's limits --------------------------------------------------------


@dataclass(frozen=True)
class Load:
    """What is asked of a device: texts to score with their median length, and texts to write at
    once from prompts of `before` tokens, `new` each. An aim of 0 is none."""

    sizes: tuple[tuple[str, float], ...]  # shape, and the aim of scoring
    vocabulary: int
    product: int  # side of the matrices of the product
    texts: int
    median: int
    longest: int
    at_once: int
    before: int
    new: int
    writing_aim: float = 0.0


ON_GPU = Load((("8B", 0.5), ("0.6B", 0.25)), 128_000, 8192, 128, 900, 4000, 256, 600, 200, 0.25)
TOY = Load((("tiny", 0.0),), 1_000, 512, 12, 40, 120, 8, 24, 12)


@dataclass(frozen=True)
class Reached:
    """Tokens a second, and the share of the limit that this is."""

    tokens: float
    share: float

    def told(self, aim: float) -> str:
        if not aim:
            return f"{self.tokens:,.0f} tokens/s, {self.share:.0%} of the limit"
        verdict = "reached" if self.share >= aim else "missed"
        return (
            f"{self.tokens:,.0f} tokens/s, {self.share:.0%} of the limit (aim {aim:.0%}: {verdict})"
        )


def on_gpu() -> "list[Reached]":
    import torch

    print()
    if not torch.cuda.is_available():
        print(
            "No GPU could be used here, so nothing was measured on one. Run this script on a "
            "machine with a GPU for the figures of the 8B- and 0.6B-shaped models.\n"
            "That its code runs is tried on the CPU with a toy, whose shares say nothing:"
        )
        return against_limits("cpu", torch.float32, TOY)
    print(f"GPU: {torch.cuda.get_device_name()}")
    return against_limits("cuda", torch.bfloat16, ON_GPU)


def against_limits(device: str, dtype: Any, load: Load) -> list[Reached]:
    """Packed scoring against the matrix product and batched writing against the copy, for each of
    the load's shapes in turn."""
    flops, copied = limits(device, dtype, size=load.product)
    print(f"limits: matrix product {flops / 1e12:.3g} TFLOP/s, copy {copied / 1e12:.3g} TB/s")
    found = []
    for size, aim in load.sizes:
        scored = score_packed(size, device, dtype, load, flops)
        if scored is not None:
            print(f"{size} packed scoring against the matrix product: {scored.told(aim)}")
            found.append(scored)
        written = write_at_once(size, device, dtype, load, copied)
        context = load.before + load.new // 2
        print(
            f"{size} writing, {load.at_once} at once at about {context} tokens, against the copy: "
            f"{written.told(load.writing_aim)}"
        )
        found.append(written)
    return found


def linear_parameters(model: Any) -> int:
    """Weights of the layers that every token passes, without words and heads."""
    return sum(each.numel() for name, each in model.named_parameters() if ".layers." in name)


def scoring_flops(model: Any, lengths_: Sequence[int]) -> float:
    """Operations that reading texts of these lengths takes at least: each weight of a layer once a
    token, and attention to all that stands before (causal: half of the square)."""
    config = model.config
    attention = 2 * config.num_hidden_layers * config.num_attention_heads * config.head_dim
    return sum(2 * linear_parameters(model) * n + attention * n**2 for n in lengths_)


def writing_bytes(model: Any, load: Load, width: int) -> float:
    """Bytes that writing moves at least: at every step all weights once, the words' head included,
    and the keys and values of every text so far; numbers are `width` bytes wide."""
    config = model.config
    cache = 2 * width * config.num_hidden_layers * config.num_key_value_heads * config.head_dim
    weights = width * (linear_parameters(model) + config.hidden_size * config.vocab_size)
    context = load.before + load.new / 2
    return (load.new - 1) * (weights + load.at_once * context * cache)


def score_packed(size: str, device: str, dtype: Any, load: Load, flops: float) -> Reached | None:
    import torch

    from models_runtime.batching import packs
    from models_runtime.engines._packing import choose_way, hidden_states

    torch.cuda.empty_cache()
    model = build(size, "reward", vocabulary=load.vocabulary, device=device, dtype=dtype)
    drawn = random.Random(SEED)
    rows = [
        [drawn.randrange(3, load.vocabulary) for _ in range(n)]
        for n in lengths(load.texts, median=load.median, spread=0.5, most=load.longest)
    ]

    def alone(row: Sequence[int]) -> Any:
        with torch.inference_mode():
            ids = torch.tensor([list(row)], device=device)
            return model.base_model(input_ids=ids, use_cache=False).last_hidden_state[0]

    way, because = choose_way(model, alone=alone)
    if not way:
        print(f"{size} scoring: can't be packed here: {because}")
        return None
    made = list(packs(rows, len, token_budget=16_384 if way == "segments" else 2048))

    def score_all() -> None:
        for pack in made:
            states = hidden_states(model, pack, way=way)
            with torch.inference_mode():
                model.score(torch.stack([each[-1] for each in states])).float().tolist()

    seconds = best_of(score_all, device, times=3)
    share = scoring_flops(model, [len(row) for row in rows]) / seconds / flops
    return Reached(sum(map(len, rows)) / seconds, share)


def write_at_once(size: str, device: str, dtype: Any, load: Load, copied: float) -> Reached:
    """Every step reads weights and caches; the time to read the prompts is taken off."""
    import threading

    import torch

    from models_runtime.engines._continuous import Job, Loop

    torch.cuda.empty_cache()
    model = build(size, "causal", vocabulary=load.vocabulary, device=device, dtype=dtype)
    model.generation_config.eos_token_id = None
    drawn = random.Random(SEED)
    jobs = [
        Job(
            str(i),
            tuple(drawn.randrange(3, load.vocabulary) for _ in range(load.before)),
            load.new,
            None,
        )
        for i in range(load.at_once)
    ]
    on_cpu = device == "cpu"  # there the cache is sized by hand
    room = 2 * load.at_once * (load.before + load.new + 64) if on_cpu else 0

    def write_all(most: int) -> float:
        loop = Loop(
            model,
            ends=(),
            padding=1,
            warpers=None,
            cache_tokens=room,
            batch_tokens=512 if on_cpu else 0,
            in_flight=load.at_once,
            closed=threading.Event(),
        )
        with loop:
            began = time.perf_counter()
            asked = [Job(job.key, job.ids, most, None) for job in jobs]
            written = list(loop.run(asked))
            seconds = time.perf_counter() - began
        assert len(written) == load.at_once
        assert all(len(each.tokens) == most and not each.failed for each in written)
        return seconds

    write_all(min(8, load.new))
    turns = [(write_all(load.new), write_all(1)) for _ in range(3)]  # by turns, the best of each
    seconds = min(whole for whole, _ in turns) - min(reading for _, reading in turns)
    width = torch.finfo(dtype).bits // 8
    share = writing_bytes(model, load, width) / seconds / copied
    return Reached(load.at_once * (load.new - 1) / seconds, share)


if __name__ == "__main__":
    main()
