import json
import math
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from models_runtime import enqueue
from models_runtime.batching import batches
from models_runtime.catalogue import ENGINES
from models_runtime.checkpoints import register
from models_runtime.engines import (
    Capability,
    Cause,
    ContinuationRequest,
    DecisionRequest,
    Engine,
    EngineError,
    Finish,
    GenerationRequest,
    Message,
    ModelReference,
    RewardRequest,
    Sampling,
)
from models_runtime.engines._local_model import (
    Loaded,
    Wobble,
    encode,
    hidden_rows,
    load,
    reward_rows,
    teacher_forced,
)
from models_runtime.engines.transformers_local import LocalEngine
from models_runtime.generating import run_generation
from models_runtime.models import Generation
from models_runtime.residency import Residency
from tests.models_runtime.local_models import tiny_encoder, tiny_llama, tiny_qwen, tiny_reward
from tests.models_runtime.worlds import project_with_prompts

NEEDED = ("torch", "transformers", "safetensors")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        any(find_spec(name) is None for name in NEEDED), reason="torch and transformers are absent"
    ),
]


def local(model: str, **options: Any) -> LocalEngine:
    settings = {"device": "cpu", "dtype": "float32"} | options
    engine = ENGINES["transformers_local"].open(ModelReference(model, options=settings))
    assert isinstance(engine, LocalEngine)
    return engine


def loaded(model: str, kind: str = "causal") -> Loaded:
    return load(ModelReference(model), kind=kind, device="cpu", dtype="float32")


def prompts(count: int) -> list[tuple[Message, ...]]:
    """Conversations of very different lengths."""
    return [
        (Message("user", " ".join(["Ask your landlord first."] * (1 + 7 * (i % 5))) + f" {i}"),)
        for i in range(count)
    ]


def generated(engine: Engine, requests: list[GenerationRequest]) -> dict[str, str]:
    return {reply.key: reply.samples[0].text for reply in engine.generate(requests)}


GREEDY = Sampling(max_tokens=12, temperature=0)
both_families = pytest.mark.parametrize("model", [tiny_llama, tiny_qwen])


@both_families
def test_greedy_texts_equal_those_of_generate_one_by_one(model: Callable[[], str]) -> None:
    import torch

    held = loaded(model())
    requests = [GenerationRequest(str(i), each, GREEDY) for i, each in enumerate(prompts(12))]
    batched = generated(local(model(), max_batch=5, token_budget=700), requests)
    for request in requests:
        ids = torch.tensor([encode(held, request.messages)])
        with torch.inference_mode():
            out = held.model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=12,
                do_sample=False,
                pad_token_id=held.tokenizer.pad_token_id,
            )
        alone = held.tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)
        assert batched[request.key] == alone


def test_a_seeded_sample_does_not_depend_on_its_company() -> None:
    sampling = Sampling(max_tokens=12, temperature=0.9, top_p=0.95, top_k=50, min_p=0.01)
    requests = [
        GenerationRequest(str(i), each, sampling, seed=100 + i) for i, each in enumerate(prompts(8))
    ]
    together = generated(local(tiny_llama()), requests)
    for request in requests:
        assert generated(local(tiny_llama()), [request]) == {request.key: together[request.key]}


def test_seeded_samples_follow_the_distribution() -> None:
    engine = local(tiny_llama(), max_batch=500, token_budget=10**6)
    held = loaded(tiny_llama())
    question = prompts(1)[0]
    once = Sampling(max_tokens=1, temperature=1)
    request = GenerationRequest("k", question, once, n=2000, seed=1)
    (reply,) = engine.generate([request])
    texts = [sample.text for sample in reply.samples]
    whole = {text for text in texts if text and "\ufffd" not in text}  # no part of a character
    likeliest = max(whole, key=texts.count)
    ids = held.tokenizer(likeliest, add_special_tokens=False).input_ids
    logprobs, _ = teacher_forced(held, encode(held, question), ids)
    p = math.exp(logprobs[0])
    assert texts.count(likeliest) / 2000 == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / 2000))


def test_log_probabilities_of_generated_tokens_equal_the_models_own() -> None:
    import torch

    held = loaded(tiny_llama())
    question = prompts(1)[0]
    request = GenerationRequest("k", question, GREEDY, logprobs=True)
    (reply,) = local(tiny_llama()).generate([request])
    logprobs = reply.samples[0].logprobs
    assert logprobs is not None
    ids = torch.tensor([encode(held, question)])
    with torch.inference_mode():
        out = held.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=12,
            do_sample=False,
            return_dict_in_generate=True,
            output_scores=True,
            pad_token_id=held.tokenizer.pad_token_id,
        )
    expected = held.model.compute_transition_scores(
        out.sequences, out.scores, normalize_logits=True
    )[0].tolist()
    assert [token.logprob for token in logprobs] == pytest.approx(
        expected[: len(logprobs)], abs=1e-4
    )


def test_self_certainty_equals_its_definition() -> None:
    import torch

    held = loaded(tiny_llama())
    question = prompts(1)[0]
    (reply,) = local(tiny_llama()).loglik([ContinuationRequest("k", question, "Yes. No.")])
    before = encode(held, question)
    after = held.tokenizer("Yes. No.", add_special_tokens=False).input_ids
    with torch.inference_mode():
        logits = held.model(torch.tensor([[*before, *after]])).logits[0, len(before) - 1 : -1]
    log_p = torch.log_softmax(logits.double(), dim=-1)
    brute = (-log_p.mean(dim=-1) - math.log(log_p.shape[-1])).tolist()
    assert reply.certainty == pytest.approx(brute, abs=1e-4)
    assert [token.logprob for token in reply.tokens] == pytest.approx(
        [float(row[token]) for row, token in zip(log_p, after, strict=True)], abs=1e-4
    )


def test_label_probabilities_are_those_of_the_next_token() -> None:
    import torch

    held = loaded(tiny_llama())
    requests = [DecisionRequest(str(i), each, ("A", "B")) for i, each in enumerate(prompts(6))]
    replies = {reply.key: reply.decision for reply in local(tiny_llama()).decide(requests)}
    for request in requests:
        with torch.inference_mode():
            logits = held.model(torch.tensor([encode(held, request.messages)])).logits[0, -1]
        p = torch.softmax(logits.double(), dim=-1)
        vocabulary = held.tokenizer.get_vocab()
        masses = {
            label: sum(
                float(p[vocabulary[spelling]])
                for spelling in (label, label.lower(), f"Ġ{label}", f"Ġ{label.lower()}")
                if spelling in vocabulary
            )
            for label in "AB"
        }
        decision = replies[request.key]
        assert decision is not None
        assert decision.mass == pytest.approx(sum(masses.values()), rel=1e-3)
        assert decision.probabilities["A"] == pytest.approx(
            masses["A"] / sum(masses.values()), abs=1e-4
        )


def test_a_label_of_several_tokens_is_refused() -> None:
    (reply,) = local(tiny_llama()).decide([DecisionRequest("k", prompts(1)[0], ("A", "Zwölf"))])
    assert reply.failure is not None
    assert reply.failure.cause is Cause.UNSUPPORTED


def test_a_request_beyond_the_models_length_fails_alone() -> None:
    long = (Message("user", "Ask your landlord first. " * 2000),)
    requests = [
        GenerationRequest("long", long, GREEDY),
        GenerationRequest("short", prompts(1)[0], GREEDY),
    ]
    replies = {reply.key: reply for reply in local(tiny_llama()).generate(requests)}
    failure = replies["long"].failure
    assert failure is not None
    assert failure.cause is Cause.TOO_LONG
    assert replies["short"].failure is None


def test_a_stop_text_ends_the_sample_before_it() -> None:
    engine = local(tiny_llama())
    whole = generated(engine, [GenerationRequest("k", prompts(1)[0], GREEDY)])["k"]
    stop = whole[4:6]
    stopping = Sampling(max_tokens=12, temperature=0, stop=(stop,))
    (reply,) = engine.generate([GenerationRequest("k", prompts(1)[0], stopping)])
    assert reply.samples[0].text == whole.partition(stop)[0]
    assert reply.samples[0].finish is Finish.STOP


def test_batched_rewards_equal_single_ones() -> None:
    engine = local(tiny_reward(), kind="reward", max_batch=4)
    conversations = [(*each, Message("assistant", "Yes.")) for each in prompts(9)]
    together = engine.score(conversations)
    alone = [engine.score([each])[0] for each in conversations]
    assert together == pytest.approx(alone, abs=1e-5)
    assert len(set(together)) == 9


def test_batched_embeddings_equal_single_ones_and_have_length_one() -> None:
    engine = local(tiny_encoder(), kind="encoder", max_batch=3)
    texts = ["Yes.", "Ask your landlord first, in writing.", "No. " * 40]
    together = engine.vectors(texts)
    for text, vector in zip(texts, together, strict=True):
        assert engine.vectors([text])[0] == pytest.approx(vector, abs=1e-5)
        assert math.fsum(x * x for x in vector) == pytest.approx(1)


def test_a_reward_model_offers_no_texts() -> None:
    engine = local(tiny_reward(), kind="reward")
    assert engine.info.can == {Capability.SCORE, Capability.SPREAD}
    with pytest.raises(EngineError, match="can't generate"):
        engine.generate([])


def test_memory_that_runs_out_halves_the_batch() -> None:
    import torch

    engine = local(tiny_llama(), token_budget=1000)
    asked: list[int] = []

    def compute(part: list[int]) -> list[int]:
        asked.append(len(part))
        if len(part) > 2:
            raise torch.OutOfMemoryError
        return [each * 10 for each in part]

    assert engine._shrinking(list(range(8)), compute) == [i * 10 for i in range(8)]
    assert asked == [8, 4, 2, 2, 4, 2, 2]
    assert engine._budget < 1000

    def hopeless(part: list[int]) -> list[int]:
        raise torch.OutOfMemoryError

    (failure,) = engine._shrinking([1], hopeless)
    assert failure.cause is Cause.OUT_OF_MEMORY


def test_closing_abandons_a_long_text_between_two_tokens() -> None:
    engine = local(tiny_llama())
    engine.check()
    threading.Timer(0.3, engine.close).start()
    request = GenerationRequest("k", prompts(1)[0], Sampling(max_tokens=1900, temperature=1), n=8)
    assert list(engine.generate([request])) == []


@pytest.mark.parametrize("files", [{}, {"pytorch_model.bin": b"\x80\x04pickled"}])
def test_a_folder_without_safetensors_is_refused(tmp_path: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(EngineError, match="holds no safetensors"):
        local(str(tmp_path))


def test_a_model_that_wants_to_run_its_own_code_is_refused(tmp_path: Path) -> None:
    marker = tmp_path / "it-ran"
    config = {
        "model_type": "mischief",
        "auto_map": {
            "AutoConfig": "code.MischiefConfig",
            "AutoModelForCausalLM": "code.Mischief",
        },
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "code.py").write_text(f"open({str(marker)!r}, 'w')\n")
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(EngineError, match="code of its own, which is refused") as caught:
        local(str(tmp_path)).check()
    assert caught.value.failure.cause is Cause.MODEL_NOT_FOUND
    assert not marker.exists()


def test_a_model_that_is_not_on_this_machine_is_said_so() -> None:
    with pytest.raises(EngineError, match="can't be loaded from this machine"):
        local("nobody/nothing").check()


def test_registering_a_checkpoint_loads_no_library() -> None:
    import subprocess
    import sys

    script = (
        "import sys\n"
        "from models_runtime.catalogue import ENGINES\n"
        "from models_runtime.engines import ModelReference\n"
        "ENGINES['transformers_local'].open(ModelReference('some/model')).close()\n"
        "heavy = {'torch', 'transformers'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_batches_hold_rows_of_like_length_within_the_budget() -> None:
    lengths = [3, 90, 5, 80, 100, 4, 2]
    made = list(batches(lengths, lambda n: n, new=10, token_budget=300, max_batch=3))
    assert made == [[100, 90], [80, 5, 4], [3, 2]]
    alone = list(batches([500, 1], lambda n: n, new=0, token_budget=100, max_batch=9))
    assert alone == [[500], [1]]


def test_one_model_stays_until_another_is_asked_for() -> None:
    loads: list[str] = []
    resident: Residency[str] = Residency()

    def get(name: str) -> str:
        def load_it() -> str:
            loads.append(name)
            return name

        return resident.get(name, load_it)

    assert [get(name) for name in ("a", "a", "b", "a")] == ["a", "a", "b", "a"]
    assert loads == ["a", "b", "a"]


@pytest.mark.django_db
def test_a_job_writes_candidates_with_a_local_model() -> None:
    project = project_with_prompts(3)
    checkpoint = register(
        project=project,
        name="tiny",
        engine="transformers_local",
        model=tiny_llama(),
        options={"device": "cpu", "dtype": "float32"},
    )
    job = enqueue.request_generation(
        project, checkpoint, per_prompt=2, sampling=Sampling(max_tokens=12), seed=1
    )
    run_generation(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error) == ("done", "")
    made = Generation.objects.filter(job=job)
    assert made.count() == 6
    assert all(each.finish == "length" and each.tokens_out > 0 for each in made)
    assert checkpoint.label == "tiny"


# --- Packed and continuous ------------------------------------------------------------------------


def conversations(count: int) -> list[tuple[Message, ...]]:
    return [
        (*each, Message("assistant", "Yes. " * (i % 3))) for i, each in enumerate(prompts(count))
    ]


@pytest.mark.parametrize("family", ["Llama", "Qwen3"])
@pytest.mark.parametrize("way", ["segments", "masked"])
def test_packed_scores_equal_those_of_single_rows(way: str, family: str) -> None:
    """Fails when `use_cache=False` goes: packed texts then see each other, by 0.03 and more."""
    import dataclasses

    import torch

    held = loaded(tiny_reward(family), "reward")
    assert held.packing == "segments", held.packing_trouble
    rows = [encode(held, each, awaiting=False) for each in conversations(9)]
    with torch.inference_mode():
        alone = [float(held.model(torch.tensor([row])).logits[0, 0]) for row in rows]
    packed = reward_rows(
        dataclasses.replace(held, packing=way), [(row, None) for row in rows], packed=True
    )
    assert [values[0] for values, _ in packed] == pytest.approx(alone, abs=1e-5)
    assert max(alone) - min(alone) > 0.01


def test_a_model_whose_packed_texts_see_each_other_is_not_packed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from models_runtime.engines import _packing

    def leaking(model: Any, rows: list[list[int]], *, way: str) -> list[Any]:
        import torch

        ids = torch.tensor([[token for row in rows for token in row]])
        hidden = model.base_model(input_ids=ids).last_hidden_state[0]
        return list(hidden.split([len(row) for row in rows]))

    monkeypatch.setattr(_packing, "hidden_states", leaking)
    held = loaded(tiny_reward(), "reward")
    assert held.packing == ""
    assert "were off by" in held.packing_trouble


@both_families
def test_packed_log_probabilities_equal_single_ones(model: Callable[[], str]) -> None:
    requests = [
        ContinuationRequest(str(i), each, "Yes. No." * (1 + i % 3))
        for i, each in enumerate(prompts(7))
    ]
    together = {reply.key: reply for reply in local(model()).loglik(requests)}
    held = loaded(model())
    for request in requests:
        after = held.tokenizer(request.continuation, add_special_tokens=False).input_ids
        logprobs, certainty = teacher_forced(held, encode(held, request.messages), after)
        reply = together[request.key]
        assert [token.logprob for token in reply.tokens] == pytest.approx(logprobs, abs=1e-4)
        assert reply.certainty == pytest.approx(certainty, abs=1e-4)


def test_a_spread_repeats_and_grows_with_what_is_left_out() -> None:
    engine = local(tiny_reward(), kind="reward")
    asked = [
        RewardRequest(f"{rate}", conversations(1)[0], draws=200, rate=rate, seed=3)
        for rate in (0.05, 0.2, 0.5)
    ]
    spreads = [
        [reply.spreads["reward"] for reply in sorted(engine.rate(asked), key=lambda r: r.key)]
        for _ in range(2)
    ]
    assert spreads[0] == spreads[1]
    assert 0 < spreads[0][0] < spreads[0][1] < spreads[0][2]


def test_the_spread_of_a_linear_head_is_the_one_that_can_be_computed() -> None:
    held = loaded(tiny_reward(), "reward")
    row = encode(held, conversations(1)[0], awaiting=False)
    ((_, (spread,)),) = reward_rows(held, [(row, Wobble(1000, 0.2, 1))], packed=False)
    state = hidden_rows(held, [row], packed=False)[0][-1].clone()
    terms = held.model.score.weight[0].detach() * state
    exact = float((terms**2).sum() * 0.2 / 0.8) ** 0.5
    assert spread == pytest.approx(exact, rel=0.1)


def test_one_text_too_long_does_not_spoil_the_others() -> None:
    engine = local(tiny_reward(), kind="reward")
    asked = [
        RewardRequest("long", (Message("user", "Ask your landlord first. " * 2000),)),
        RewardRequest("short", prompts(1)[0]),
    ]
    replies = {reply.key: reply for reply in engine.rate(asked)}
    assert replies["long"].failure is not None
    assert replies["long"].failure.cause is Cause.TOO_LONG
    assert replies["short"].values.keys() == {"reward"}


def mixed_requests() -> list[GenerationRequest]:
    return [
        GenerationRequest(
            str(i), each, Sampling(max_tokens=4 + 5 * (i % 4), temperature=0), logprobs=True
        )
        for i, each in enumerate(prompts(10))
    ]


@both_families
def test_continuous_greedy_tokens_and_log_probabilities_equal_generate(
    model: Callable[[], str],
) -> None:
    held = loaded(model())
    assert held.is_continuous
    flowing = {r.key: r for r in local(model(), max_batch=4).generate(mixed_requests())}
    padded = {r.key: r for r in local(model(), batching="padded").generate(mixed_requests())}
    for key, reply in flowing.items():
        mine, theirs = reply.samples[0], padded[key].samples[0]
        assert (mine.text, mine.finish) == (theirs.text, theirs.finish)
        assert mine.logprobs is not None
        assert theirs.logprobs is not None
        assert [t.logprob for t in mine.logprobs] == pytest.approx(
            [t.logprob for t in theirs.logprobs], abs=1e-4
        )


def test_a_request_too_big_for_the_loops_cache_is_written_all_the_same() -> None:
    engine = local(tiny_llama(), token_budget=256, max_batch=4)
    asked = [
        GenerationRequest("big", prompts(5)[4], Sampling(max_tokens=200, temperature=0)),
        *(GenerationRequest(str(i), each, GREEDY) for i, each in enumerate(prompts(3))),
    ]
    assert set(generated(engine, asked)) == {"big", "0", "1", "2"}


def test_a_loop_that_dies_is_built_anew_and_nobody_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from transformers.generation.continuous_batching import continuous_api

    step = continuous_api.ContinuousBatchProcessor._generation_step
    steps: list[int] = []

    def dying(self: Any, model: Any) -> None:
        steps.append(1)
        if len(steps) in (6, 12):
            raise RuntimeError("the device is gone")
        step(self, model)

    monkeypatch.setattr(continuous_api.ContinuousBatchProcessor, "_generation_step", dying)
    requests = [GenerationRequest(str(i), each, GREEDY) for i, each in enumerate(prompts(20))]
    flowing = generated(local(tiny_llama(), max_batch=4), requests)
    monkeypatch.undo()
    assert len(steps) >= 12
    assert flowing == generated(local(tiny_llama(), batching="padded"), requests)
