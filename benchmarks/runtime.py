"""How fast do local models write and score, against plain padded batches of the same library?

    .venv/bin/python benchmarks/runtime.py [--quick] [--texts 96] [--gpu]

Models with random weights are built here: speed doesn't depend on what they say. Lengths are
log-normal, drawn from a fixed seed, and the same for both sides; texts end at their own length.
`Plain` is what one writes first: batches of 16 in the order of arrival, padded to their longest,
continued until the last of them is done. Only tokens of texts count (useful tokens a second), for
both sides, each measured in turns, best of three. The limits printed beside are what this machine
reaches in one large matrix product and in copying memory, measured in the same run.

On a GPU an 8B-shaped and a 0.6B-shaped model are measured against the limits: the share of the
matrix product that packed scoring reaches, and the share of the memory's speed that batched
writing reaches. Where no GPU can be used, that is said.
"""

import argparse
import os
import platform
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PLAIN_BATCH = 16
SEED = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=96)
    parser.add_argument("--quick", action="store_true", help="a smaller model, one round")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU, for both sides")
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
    home = Path(tempfile.mkdtemp(prefix="polyphony-bench-"))
    try:
        if not options.gpu_only:
            on_cpu(home, options.texts, rounds=1 if options.quick else 3, quick=options.quick)
        on_gpu(home)
    finally:
        shutil.rmtree(home, ignore_errors=True)


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
    import torch

    found = []
    for _ in range(times + 1):
        began = time.perf_counter()
        work()
        if device != "cpu":
            torch.cuda.synchronize()
        found.append(time.perf_counter() - began)
    return min(found[1:])


# --- The CPU: against plain padded batches --------------------------------------------------------


def on_cpu(home: Path, count: int, *, rounds: int, quick: bool) -> None:
    import torch

    size = "tiny" if quick else "small"
    flops, copied = limits("cpu", torch.float32, size=1024)
    print(f"CPU limits: matrix product {flops / 1e9:,.0f} GFLOP/s, copy {copied / 1e9:.1f} GB/s")
    scoring(saved(home, size, "reward"), count, rounds, size)
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
    for _ in range(rounds):
        for work, into in ((ours, mine), (plain, theirs)):
            began = time.perf_counter()
            work()
            into.append(time.perf_counter() - began)
    ratio = min(theirs) / min(mine)
    print(f"  plain padded batches of {PLAIN_BATCH}: {useful / min(theirs):>9,.0f} tokens/s")
    print(f"  this engine:              {useful / min(mine):>9,.0f} tokens/s")
    verdict = "reached" if ratio >= aim else "missed"
    print(f"  ratio {ratio:.2f} (aim {aim}: {verdict})")


# --- The GPU: against the machine's limits --------------------------------------------------------


def on_gpu(home: Path) -> None:
    import torch

    print()
    if not torch.cuda.is_available():
        print(
            "GPU: none can be used here, so nothing was measured on one. Run this script on a "
            "machine with a GPU for the figures of the 8B- and 0.6B-shaped models."
        )
        return
    print(f"GPU: {torch.cuda.get_device_name()}")
    flops, copied = limits("cuda", torch.bfloat16, size=8192)
    print(f"limits: matrix product {flops / 1e12:.0f} TFLOP/s, copy {copied / 1e12:.2f} TB/s")
    for size, aim in (("8B", 0.5), ("0.6B", 0.25)):
        gpu_scoring(size, flops, aim)
        gpu_writing(size, copied, 0.25)


def linear_parameters(model: Any) -> int:
    """Weights of the layers that every token passes, without words and heads."""
    return sum(each.numel() for name, each in model.named_parameters() if ".layers." in name)


def gpu_scoring(size: str, flops: float, aim: float) -> None:
    import torch

    from models_runtime.engines._packing import choose_way, hidden_states

    torch.cuda.empty_cache()
    model = build(size, "reward", vocabulary=128_000, device="cuda", dtype=torch.bfloat16)
    drawn = random.Random(SEED)
    rows = [
        [drawn.randrange(3, 128_000) for _ in range(n)]
        for n in lengths(128, median=900, spread=0.5, most=4000)
    ]

    def alone(row: Sequence[int]) -> Any:
        with torch.inference_mode():
            ids = torch.tensor([list(row)], device="cuda")
            return model.base_model(input_ids=ids, use_cache=False).last_hidden_state[0]

    way, because = choose_way(model, alone=alone)
    if not way:
        print(f"{size} scoring: can't be packed here: {because}")
        return
    from models_runtime.batching import packs

    made = list(packs(rows, len, token_budget=16_384 if way == "segments" else 2048))

    def score_all() -> None:
        for pack in made:
            states = hidden_states(model, pack, way=way)
            with torch.inference_mode():
                model.score(torch.stack([each[-1] for each in states])).float().tolist()

    seconds = best_of(score_all, "cuda", times=3)
    config = model.config
    needed = sum(
        2 * linear_parameters(model) * len(row)
        + 2
        * config.num_hidden_layers
        * config.num_attention_heads
        * config.head_dim
        * len(row) ** 2
        for row in rows
    )
    share = needed / seconds / flops
    tokens = sum(map(len, rows)) / seconds
    print(
        f"{size} packed scoring ({way}): {tokens:,.0f} tokens/s, {share:.0%} of the matrix product "
        f"(aim {aim:.0%}: {'reached' if share >= aim else 'missed'})"
    )


def gpu_writing(size: str, copied: float, aim: float) -> None:
    """256 texts at once, contexts from 600 to 800 tokens: every step reads weights and caches."""
    import threading

    import torch

    from models_runtime.engines._continuous import Job, Loop

    torch.cuda.empty_cache()
    model = build(size, "causal", vocabulary=128_000, device="cuda", dtype=torch.bfloat16)
    model.generation_config.eos_token_id = None
    drawn = random.Random(SEED)
    batch, before, new = 256, 600, 200
    jobs = [
        Job(str(i), tuple(drawn.randrange(3, 128_000) for _ in range(before)), new, None)
        for i in range(batch)
    ]

    def write_all(most: int) -> float:
        loop = Loop(
            model, ends=(), padding=1, warpers=None, cache_tokens=0, batch_tokens=0,
            in_flight=batch, closed=threading.Event(),
        )  # fmt: skip
        with loop:
            began = time.perf_counter()
            asked = [Job(job.key, job.ids, most, None) for job in jobs]
            assert not any(written.failed for written in loop.run(asked))
            return time.perf_counter() - began

    write_all(8)
    seconds = write_all(new) - write_all(1)  # without reading the prompts
    config = model.config
    cache = 2 * 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim
    weights = 2 * (linear_parameters(model) + config.hidden_size * config.vocab_size)
    moved = (new - 1) * (weights + batch * (before + new / 2) * cache)
    share = moved / seconds / copied
    print(
        f"{size} writing, {batch} at once at about 700 tokens: {batch * new / seconds:,.0f} "
        f"tokens/s, {share:.0%} of the memory's speed "
        f"(aim {aim:.0%}: {'reached' if share >= aim else 'missed'})"
    )


if __name__ == "__main__":
    main()
