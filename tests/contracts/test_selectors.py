"""What every selector promises."""

import math
import random
from typing import Any

import pytest

from models_runtime.catalogue import SELECTORS
from models_runtime.selection import Choice, Extra, Need, NotEnough, Sample

SLUGS = {
    "self_consistency", "weighted_self_consistency", "soft_self_consistency", "self_certainty",
    "universal_self_consistency", "best_of_n", "best_of_majority", "fobar", "cross_lingual",
    "equilibrium_ranking", "tournament",
}  # fmt: skip


def prefer(a: Sample, b: Sample) -> float:
    return 1 / (1 + math.exp((b.reward or 0) - (a.reward or 0) - 0.3))


EXTRA = Extra(prefer=prefer, pick=3, embeddings=dict.fromkeys(range(9), (1.0, 0.0)))


def full_samples(seed: int = 0, count: int = 9) -> list[Sample]:
    rng = random.Random(seed)
    recovered = {str(k): rng.randrange(5) for k in range(3)}
    samples = []
    for i in range(count):
        answer = str(rng.randrange(3))
        samples.append(
            Sample(
                id=i,
                text=f"text {i}",
                answer=answer,
                logprobs=tuple(-rng.random() for _ in range(4)),
                certainty=tuple(rng.random() for _ in range(4)),
                reward=rng.random(),
                weight=rng.random(),
                language=rng.choice(["en", "de"]),
                recovered=recovered[answer],
                p_correct=rng.random(),
                p_incorrect=rng.random(),
                p_yes=rng.random(),
            )
        )
    return samples


@pytest.fixture(params=sorted(SELECTORS))
def selector(request: pytest.FixtureRequest) -> Any:
    return SELECTORS[request.param]


def select(selector: Any, samples: list[Sample]) -> Choice:
    return selector.select(samples, None, EXTRA)  # type: ignore[no-any-return]


def test_the_catalogue_holds_every_selector() -> None:
    assert set(SELECTORS) == SLUGS


def test_the_order_of_the_samples_does_not_matter(selector: Any) -> None:
    for seed in range(5):
        samples = full_samples(seed)
        choice = select(selector, samples)
        for turn in range(4):
            shuffled = random.Random(turn).sample(samples, len(samples))
            again = select(selector, shuffled)
            assert again.id == choice.id
            assert again.scores == pytest.approx(dict(choice.scores))


def test_ties_go_to_reward_then_log_probability_then_the_lowest_id(selector: Any) -> None:
    if Need.PICK in selector.needs:
        pytest.skip("a pick has no ties")
    same: dict[str, Any] = {
        "answer": "7", "certainty": (0.5,), "weight": 1.0, "recovered": 1, "p_correct": 0.5,
        "p_incorrect": 0.5, "p_yes": 0.5,
    }  # fmt: skip
    alike = [Sample(id=i, logprobs=(-1.0,), reward=0.5, **same) for i in (4, 2, 9)]
    assert select(selector, alike).id == 2


def test_a_choice_names_a_sample_scores_all_of_them_and_says_why(selector: Any) -> None:
    samples = full_samples()
    choice = select(selector, samples)
    assert choice.id in {sample.id for sample in samples}
    assert set(choice.scores) == {sample.id for sample in samples}
    assert choice.reason.endswith(".")


def test_a_single_sample_is_chosen(selector: Any) -> None:
    (only,) = full_samples(count=1)
    assert select(selector, [only]).id == only.id


def test_nothing_to_choose_from_is_refused(selector: Any) -> None:
    with pytest.raises(NotEnough, match="nothing to choose from"):
        select(selector, [])


def test_two_samples_of_one_id_are_refused(selector: Any) -> None:
    with pytest.raises(ValueError, match="same id"):
        select(selector, full_samples(count=2) + full_samples(count=2))


def test_missing_needs_are_named(selector: Any) -> None:
    if selector.needs & {Need.PICK}:
        pytest.skip("falls back to the first sample")
    with pytest.raises(NotEnough):
        selector.select([Sample(id=1), Sample(id=2)], None, Extra())


def test_a_reference_a_title_and_costs_are_stated(selector: Any) -> None:
    assert selector.title
    assert selector.reference
    assert selector.extra_calls
    selector.options_class()
