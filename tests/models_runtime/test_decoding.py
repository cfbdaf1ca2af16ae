"""Numbers: judging specification §1.10 (computed there)."""

import math
from importlib.util import find_spec

import pytest

from models_runtime.catalogue import ENGINES
from models_runtime.decoding import (
    Cautious,
    Decoder,
    Deepening,
    ends_phrase,
    entropy,
    least_perplexed,
    read_decoder,
    told,
)
from models_runtime.engines import (
    Cause,
    Engine,
    GenerationRequest,
    Message,
    ModelReference,
    Sampling,
)
from models_runtime.engines._local_model import Loaded, encode, load, teacher_forced
from tests.models_runtime.local_models import tiny_llama

NEEDED = ("torch", "transformers", "safetensors")
with_model = pytest.mark.skipif(
    any(find_spec(name) is None for name in NEEDED), reason="torch and transformers are absent"
)
QUESTION = (Message("user", "Ask your landlord first, in writing."),)


@pytest.mark.parametrize(
    ("shares", "h", "trials"),
    [
        ((0.97, 0.01, 0.01, 0.01), 0.167701, 1),
        ((0.7, 0.1, 0.1, 0.1), 0.940448, 6),
        ((0.25,) * 4, 1.386294, 9),
    ],
)
def test_trials_grow_with_the_entropy(shares: tuple[float, ...], h: float, trials: int) -> None:
    found = entropy([math.log(share) for share in shares])
    assert found == pytest.approx(h, abs=1e-6)
    assert Cautious().trials(found) == trials


def test_trials_stay_between_their_bounds() -> None:
    decoder = Cautious(fewest=2, most=5)
    assert [decoder.trials(h) for h in (0.0, 0.01, 1.5, 99.0)] == [2, 2, 5, 5]


def test_a_share_of_nothing_adds_no_entropy() -> None:
    assert entropy([0.0, -math.inf]) == 0.0


def test_the_trial_of_lowest_perplexity_wins_whatever_its_length() -> None:
    assert least_perplexed([[-1.0, -1.0], [-0.5, -0.9, -0.6], [-0.9]]) == 1
    assert least_perplexed([[-0.5], [-0.5, -0.5]]) == 0
    with pytest.raises(ValueError, match="at least one token"):
        least_perplexed([[-0.5], []])


def test_budgets_grow_by_a_factor_and_end_at_the_most() -> None:
    assert Deepening(first=64, growth=2).budgets(512) == [64, 128, 256, 512]
    assert Deepening(first=100, growth=1.5).budgets(300) == [100, 150, 225, 300]
    assert Deepening(first=700).budgets(512) == [512]
    assert Deepening(first=1, growth=1.1).budgets(4) == [1, 2, 3, 4]


def test_phrases_end_at_punctuation() -> None:
    assert all(map(ends_phrase, (".", "word,", "! ", "\n", "。")))
    assert not any(map(ends_phrase, ("", " ", "word", ".5")))


@pytest.mark.parametrize("decoder", [None, Cautious(most=4), Deepening(first=9, trigger="Wait.")])
def test_a_decoder_comes_back_from_json(decoder: Decoder | None) -> None:
    assert read_decoder(told(decoder)) == decoder


def test_settings_that_make_no_sense_are_refused() -> None:
    for fields in ({"fewest": 5, "most": 4}, {"low": 2.0, "high": 1.0}, {"most": 65}):
        with pytest.raises(ValueError, match="trials|entropies"):
            Cautious(**fields)
    with pytest.raises(ValueError, match="grows"):
        Deepening(growth=1.0)
    with pytest.raises(ValueError, match="one of"):
        read_decoder({"kind": "lucky"})


def test_an_engine_without_each_tokens_distribution_says_so() -> None:
    engine = ENGINES["scripted"].open(ModelReference("amber"))
    sampling = Sampling(decoder=Cautious())
    (reply,) = engine.generate([GenerationRequest("k", QUESTION, sampling)])
    assert reply.failure is not None
    assert reply.failure.cause == Cause.UNSUPPORTED
    assert "decode cautiously" in reply.failure.sentence


# --- On a model -----------------------------------------------------------------------------------


def local() -> Engine:
    options = {"device": "cpu", "dtype": "float32", "max_batch": 8, "batching": "padded"}
    return ENGINES["transformers_local"].open(ModelReference(tiny_llama(), options=options))


def written(decoder: Decoder | None, *, seed: int = 3, n: int = 1, **fields: object) -> list[str]:
    sampling = Sampling(**{"max_tokens": 24, "temperature": 0.8, **fields}, decoder=decoder)  # type: ignore[arg-type]
    (reply,) = local().generate([GenerationRequest("k", QUESTION, sampling, n=n, seed=seed)])
    assert reply.failure is None
    return [sample.text for sample in reply.samples]


def surprise(held: Loaded, text: str) -> float:
    tokens = held.tokenizer(text, add_special_tokens=False).input_ids
    logprobs, _ = teacher_forced(held, encode(held, QUESTION), tokens)
    return -sum(logprobs) / len(logprobs)


@with_model
def test_self_certainty_as_in_the_reference() -> None:
    """Specification §1.9: V = 4, a uniform and a peaked distribution, and their mean."""
    import torch

    from models_runtime.engines._local_model import self_certainty

    found = self_certainty(torch.tensor([[0.25] * 4, [0.7, 0.1, 0.1, 0.1]]).double().log() + 3.0)
    assert found.tolist() == pytest.approx([0.0, 0.429813], abs=1e-6)
    assert float(found.mean()) == pytest.approx(0.214907, abs=1e-6)


@with_model
@pytest.mark.parametrize(
    "decoder", [Cautious(), Cautious(fewest=4), Deepening(first=5, trigger=""), Deepening(first=99)]
)
def test_at_temperature_0_every_decoder_writes_the_greedy_text(decoder: Decoder) -> None:
    assert written(decoder, temperature=0) == written(None, temperature=0)


@with_model
@pytest.mark.parametrize("decoder", [Cautious(most=1), Deepening(first=24)])
def test_a_decoder_that_never_steps_in_draws_what_plain_decoding_draws(decoder: Decoder) -> None:
    assert written(decoder, n=3) == written(None, n=3)


@with_model
def test_a_cautious_text_is_repeated_by_its_seed_in_any_company() -> None:
    decoder = Cautious(fewest=3, most=6, longest=6)
    alone = written(decoder, seed=5)
    assert written(decoder, seed=4, n=3)[1] == alone[0]
    assert written(decoder, seed=6) != alone


@with_model
def test_the_kept_trial_is_the_best_of_those_that_were_drawn() -> None:
    """One phrase by hand: each trial is drawn again alone by plain arithmetic on the model."""
    import torch

    from models_runtime.engines._decoders import _seed
    from models_runtime.engines._local_model import ends_of, processors

    held = load(ModelReference(tiny_llama()), kind="causal", device="cpu", dtype="float32")
    before = list(encode(held, QUESTION))
    sampling = Sampling(max_tokens=5, temperature=0.8)
    trials: list[tuple[float, list[int]]] = []
    for i in range(4):
        steps = processors([_seed("trial", 3, 0, i)], sampling, "cpu")
        tokens: list[int] = []
        while len(tokens) < 5:
            ids = torch.tensor([[*before, *tokens]])
            with torch.inference_mode():
                scores = held.model(input_ids=ids).logits[:, -1].float()
            for step in steps:
                scores = step(ids, scores)
            tokens.append(int(scores.argmax()))
            if tokens[-1] in ends_of(held) or ends_phrase(held.tokenizer.decode([tokens[-1]])):
                break
        logprobs, _ = teacher_forced(held, before, tokens)
        trials.append((-sum(logprobs) / len(logprobs), tokens))
    best = min(trials)[1]
    assert len({tuple(tokens) for _, tokens in trials}) > 1
    decoder = Cautious(fewest=4, most=4, longest=5)
    (text,) = written(decoder, max_tokens=max(1, len(best)))
    assert text == held.tokenizer.decode(best, skip_special_tokens=True)


@with_model
def test_caution_makes_texts_less_surprising_and_counts_what_it_tried() -> None:
    held = load(ModelReference(tiny_llama()), kind="causal", device="cpu", dtype="float32")
    plain = written(None, n=6, seed=40)
    cautious = written(Cautious(fewest=6, most=6, longest=6), n=6, seed=40)
    mean = [sum(surprise(held, text) for text in texts) / 6 for texts in (plain, cautious)]
    assert mean[1] < mean[0] - 0.1
    sampling = Sampling(max_tokens=24, temperature=0.8, decoder=Cautious(fewest=6, most=6))
    (reply,) = local().generate([GenerationRequest("k", QUESTION, sampling, seed=3)])
    assert reply.usage.tokens_out > 24
    assert reply.samples[0].tried > 0


@with_model
def test_a_deepening_text_stands_under_its_triggers_and_its_most_tokens() -> None:
    trigger = " Ask first."
    (text,) = written(Deepening(first=6, growth=2, trigger=trigger), temperature=0, max_tokens=40)
    parts = text.split(trigger)
    assert len(parts) >= 2
    assert parts[0] == written(None, temperature=0, max_tokens=6)[0]
    assert text.count(trigger) <= len(Deepening(first=6, growth=2).budgets(40)) - 1
    assert len(text) > len(parts[0] + trigger)


@with_model
def test_a_deepening_text_with_an_answer_goes_no_further() -> None:
    """What was put in begins with an answer, so the second boundary is never written past."""
    trigger = " The answer is 12.\n"
    (text,) = written(Deepening(first=4, growth=2, trigger=trigger), temperature=0, max_tokens=60)
    assert text.count(trigger.strip()) == 1
