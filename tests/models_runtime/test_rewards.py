"""Scorers as pure functions of engines, and the cache of vectors."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models_runtime.catalogue import SCORERS
from models_runtime.embedding_cache import EmbeddingCache, Remembering
from models_runtime.engines import (
    Capability,
    Cause,
    ContinuationLogprobs,
    EmbeddingRequest,
    EngineError,
    Message,
    ModelReference,
    RewardReply,
    TokenLogprob,
    Usage,
)
from models_runtime.engines.scripted import ScriptedEngine, ScriptedOptions
from models_runtime.rewards import Bench, Measured, Rival, Subject, finite
from models_runtime.rewards.log_ratio import _ratio
from models_runtime.rewards.relevance import copied, repetition
from models_runtime.rewards.reward_spread import _over_heads
from models_runtime.rewards.self_certainty import _certainty

ASKED = (Message("user", "May I paint my rented flat?"),)
TEXTS = ("Ask your landlord first.", "No. No. No. No. No.", "May I paint my rented flat?", "Hm")


def engine(name: str = "amber", **options: Any) -> ScriptedEngine:
    return ScriptedEngine(ModelReference(name), ScriptedOptions(**options))


def subjects() -> list[Subject]:
    rivals = tuple(Rival(f"r{i}", text) for i, text in enumerate(TEXTS))
    return [Subject(str(i), ASKED, text, seed=i, rivals=rivals) for i, text in enumerate(TEXTS)]


def measured(slug: str, **options: Any) -> dict[str, Measured]:
    scorer = SCORERS[slug]
    bench = Bench(engine(), engine("weak", seed=1) if scorer.partner else None)
    told = scorer.options_class(**options)
    return {each.key: each for each in scorer.measure(subjects(), bench, told)}


@pytest.mark.parametrize("slug", sorted(SCORERS))
def test_every_scorer_measures_every_subject_and_repeats_itself(slug: str) -> None:
    first = measured(slug)
    assert sorted(first) == ["0", "1", "2", "3"]
    assert first == measured(slug)
    for each in first.values():
        assert each.failure is None
        assert bool(each.numbers or each.of_rivals) != bool(each.vectors)
        assert bool(each.of_rivals) == SCORERS[slug].of_sets
        assert finite(each) is each
        promised = {name.partition("/")[0] for name in SCORERS[slug].names}
        given = [*each.numbers, *each.vectors, *(n for r in each.of_rivals.values() for n in r)]
        assert {name.partition("/")[0] for name in given} <= promised


def test_a_ratio_is_the_difference_of_the_sums() -> None:
    strong = ContinuationLogprobs("k", (TokenLogprob("a", -1.0), TokenLogprob("b", -0.5)))
    weak = ContinuationLogprobs("k", (TokenLogprob("ab", -4.5),))
    found = _ratio(strong, weak)
    assert found.numbers == {"log_ratio": 3.0, "log_ratio_per_token": 1.5}


def test_an_empty_text_has_no_ratio_and_no_certainty() -> None:
    nothing = ContinuationLogprobs("k")
    for found in (_ratio(nothing, nothing), _certainty(nothing)):
        assert found.failure is not None
        assert found.failure.cause is Cause.BAD_REQUEST


def test_an_engine_that_cannot_see_the_vocabulary_is_no_basis_for_certainty() -> None:
    found = _certainty(ContinuationLogprobs("k", (TokenLogprob("a", -1.0),)))
    assert found.failure is not None
    assert found.failure.cause is Cause.UNSUPPORTED


def test_heads_that_disagree_have_a_spread() -> None:
    found = _over_heads(RewardReply("k", {"a": 1.0, "b": 2.0, "c": 6.0}))
    assert found.numbers == {"reward": 3.0, "reward_spread": pytest.approx(math.sqrt(7))}
    alone = _over_heads(RewardReply("k", {"reward": 1.0}))
    assert alone.failure is not None


def test_repetition_and_copying_are_seen() -> None:
    assert repetition("no no no no no no") == pytest.approx(0.75)
    assert repetition("one two three four five") == 0
    assert repetition("") == 0
    assert copied("may I paint my flat", "May I paint my flat?") == 1
    assert copied("ask your landlord first", "May I paint my flat?") == 0


def test_a_parrot_is_relevant_until_its_shortcut_is_taken_off() -> None:
    found = measured("relevance")
    parrot, honest = found["2"].numbers, found["0"].numbers
    assert parrot["relevance"] == pytest.approx(1)
    assert parrot["relevance"] > honest["relevance"]
    assert parrot["copied"] == 1
    assert parrot["relevance"] - parrot["relevance_adjusted"] > 0.5


def test_a_number_that_is_none_is_a_failure() -> None:
    found = finite(Measured("k", {"reward": math.nan}))
    assert found.failure is not None
    assert "finite" in found.failure.sentence


def test_an_engine_that_cannot_is_refused_with_a_sentence() -> None:
    writer = engine()
    writer.info = replace(writer.info, can=frozenset({Capability.GENERATE}))
    with pytest.raises(EngineError, match="can't embed"):
        writer.require(SCORERS["embedding"].needs)


def test_vectors_are_computed_once(tmp_path: Path) -> None:
    texts = ("a cat", "a dog", "a cat", "half \ud800 a pair")
    asked = [EmbeddingRequest("k", texts), EmbeddingRequest("l", texts[:1])]
    first = Remembering(engine(), EmbeddingCache(tmp_path, "amber@1"))
    (reply,) = first.embed(asked[:1])
    assert reply.computed == 3
    again = Remembering(engine(), EmbeddingCache(tmp_path, "amber@1"))
    known = {each.key: each for each in again.embed(asked)}
    assert known["k"].vectors == reply.vectors
    assert known["l"].vectors == reply.vectors[:1]
    assert {(each.computed, each.usage) for each in known.values()} == {(0, Usage())}
    other = Remembering(engine(), EmbeddingCache(tmp_path, "amber@2"))
    assert [each.computed for each in other.embed(asked[1:])] == [1]
    assert reply.vectors[0] == pytest.approx(engine().vectors(["a cat"])[0], abs=1e-6)


def test_what_is_known_beside_what_is_not_costs_nothing(tmp_path: Path) -> None:
    remembering = Remembering(engine(), EmbeddingCache(tmp_path, "amber@1"))
    remembering.vectors(["a cat sleeps"])
    (reply,) = remembering.embed([EmbeddingRequest("k", ("a dog", "a cat sleeps"))])
    assert (reply.computed, reply.usage.tokens_in) == (1, 2)
    for mine, theirs in zip(
        reply.vectors, engine().vectors(["a dog", "a cat sleeps"]), strict=True
    ):
        assert mine == pytest.approx(theirs, abs=1e-6)
