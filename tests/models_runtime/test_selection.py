"""Numbers: judging specification §1.9 (computed there)."""

import math

import pytest

from models_runtime.catalogue import SELECTORS
from models_runtime.selection import (
    NOTHING,
    Choice,
    Extra,
    NotEnough,
    Sample,
    canonical,
    extract_answer,
)
from models_runtime.selection.best_of_majority import MajorityOptions
from models_runtime.selection.cross_lingual import CrossLingualOptions
from models_runtime.selection.equilibrium_ranking import EquilibriumOptions, equilibrium
from models_runtime.selection.self_certainty import CertaintyOptions
from models_runtime.selection.soft_self_consistency import SoftOptions


def choose(
    slug: str, samples: list[Sample], options: object = None, extra: Extra = NOTHING
) -> Choice:
    return SELECTORS[slug].select(samples, options, extra)


def answers(*given: str | None, **columns: tuple[float, ...]) -> list[Sample]:
    return [
        Sample(id=i, answer=answer, **{name: values[i] for name, values in columns.items()})  # type: ignore[arg-type]
        for i, answer in enumerate(given)
    ]


def test_self_consistency_follows_the_most_answers_and_ignores_missing_ones() -> None:
    choice = choose("self_consistency", answers("X", None, "Y", "y ", None))
    assert (choice.id, choice.scores[2], choice.scores[1]) == (2, 2.0, None)
    with pytest.raises(NotEnough, match="No sample has an answer"):
        choose("self_consistency", answers(None, None))


def test_confidence_may_turn_a_tied_count() -> None:
    """§1.5: votes X(.9,.2) Y(.5,.4) give X 1.1 and Y 0.9 though the counts tie."""
    choice = choose(
        "weighted_self_consistency", answers("X", "X", "Y", "Y", weight=(0.9, 0.2, 0.5, 0.4))
    )
    assert choice.scores[0] == pytest.approx(1.1)
    assert choice.scores[2] == pytest.approx(0.9)
    assert choice.id in (0, 1)


@pytest.mark.parametrize(
    ("aggregate", "first", "second", "winner"),
    [
        ("mean", 0.607942, 0.550643, 1),
        ("min", 0.100259, 0.496585, 2),
        ("product", 0.074274, 0.165299, 2),
        ("geometric", 0.420350, 0.548812, 2),
    ],
)
def test_soft_self_consistency(aggregate: str, first: float, second: float, winner: int) -> None:
    samples = [
        Sample(id=1, logprobs=(-0.1, -0.2, -2.3)),
        Sample(id=2, logprobs=(-0.5, -0.6, -0.7)),
    ]
    choice = choose("soft_self_consistency", samples, SoftOptions(aggregate))
    assert choice.scores[1] == pytest.approx(first, abs=1e-6)
    assert choice.scores[2] == pytest.approx(second, abs=1e-6)
    assert choice.id == winner


@pytest.mark.parametrize(
    ("power", "x", "y", "z", "winner"),
    [
        (0.0, 2, 3, 1, "Y"),
        (0.3, 3.3324, 3.6215, 1.5157, "Y"),
        (0.5, 4.6856, 4.1463, 2, "X"),
        (1.2, 15.4845, 7.0346, 5.2780, "X"),
    ],
)
def test_borda_votes_by_self_certainty(
    power: float, x: float, y: float, z: float, winner: str
) -> None:
    given = ("X", "Y", "Y", "Z", "Y", "X")
    certainty = (0.9, 0.2, 0.3, 0.5, 0.1, 0.8)
    samples = [
        Sample(id=i, answer=answer, certainty=(value,))
        for i, (answer, value) in enumerate(zip(given, certainty, strict=True))
    ]
    choice = choose("self_certainty", samples, CertaintyOptions(power))
    assert (choice.scores[0], choice.scores[1], choice.scores[3]) == pytest.approx(
        (x, y, z), abs=1e-4
    )
    assert given[choice.id] == winner


def test_a_sample_without_an_answer_keeps_its_rank_and_casts_no_vote() -> None:
    samples = [
        Sample(id=0, answer=None, certainty=(0.9,)),
        Sample(id=1, answer="X", certainty=(0.5,)),
        Sample(id=2, answer="Y", certainty=(0.1,)),
    ]
    choice = choose("self_certainty", samples, CertaintyOptions(1.0))
    assert choice.scores == {0: None, 1: 2.0, 2: 1.0}


def test_best_of_majority_stands_between_majority_and_best_of_n() -> None:
    samples = answers(*"XXXXXYYYYW", reward=(0.4,) * 5 + (0.6,) * 4 + (0.99,))
    assert samples[choose("best_of_majority", samples, MajorityOptions(0.2)).id].answer == "Y"
    assert samples[choose("best_of_n", samples).id].answer == "W"
    assert samples[choose("self_consistency", samples).id].answer == "X"


def test_when_no_answer_is_frequent_enough_the_most_frequent_stands() -> None:
    samples = answers("X", "X", "Y", "Z", reward=(0.1, 0.1, 0.9, 0.8))
    assert choose("best_of_majority", samples, MajorityOptions(0.9)).id == 0


def test_fobar_combines_forward_and_backward() -> None:
    samples = [Sample(id=i, answer="X", recovered=2) for i in range(6)]
    samples += [Sample(id=i, answer="Y", recovered=7) for i in range(6, 10)]
    choice = choose("fobar", samples)
    assert choice.scores[0] == pytest.approx(0.395644, abs=1e-6)
    assert choice.scores[6] == pytest.approx(0.604356, abs=1e-6)
    assert choice.id == 6


def test_fobar_without_numbers_is_self_consistency() -> None:
    assert choose("fobar", answers("X", "X", "Y")).id == 0


def test_fobar_takes_the_mean_of_samples_that_were_asked_about_each_for_itself() -> None:
    apart = [(6, "X", (1, 3)), (4, "Y", (6, 8))]
    samples, place = [], 0
    for count, answer, recovered in apart:
        for nth in range(count):
            samples.append(Sample(id=place, answer=answer, recovered=recovered[nth % 2]))
            place += 1
    choice = choose("fobar", samples)
    assert choice.scores[0] == pytest.approx(0.395644, abs=1e-6)
    with pytest.raises(NotEnough, match="no recovered"):
        choose("fobar", [Sample(id=0, answer="X", recovered=1), Sample(id=1, answer="x")])


def test_each_language_has_one_vote() -> None:
    samples = [Sample(id=i, answer="5", language="en") for i in range(5)]
    samples += [
        Sample(id=5, answer="1,5", language="de"),
        Sample(id=6, answer="1.5", language="ja"),
    ]
    assert choose("cross_lingual", samples).id == 5
    assert choose("cross_lingual", samples, CrossLingualOptions(equal_languages=False)).id == 0


def test_a_tournament_cancels_a_liking_for_a_place_and_costs_two_calls_a_match() -> None:
    calls = []

    def prefer(a: Sample, b: Sample) -> float:
        calls.append((a.id, b.id))
        assert a.reward is not None
        assert b.reward is not None
        return 1 / (1 + math.exp(-(a.reward - b.reward + 3.0)))

    samples = [Sample(id=i, reward=i / 10) for i in range(7)]
    choice = choose("tournament", samples, extra=Extra(prefer=prefer))
    assert choice.id == 6
    assert len(calls) == 2 * (7 - 1)
    assert len(set(calls)) == len(calls)


def test_a_pick_that_is_not_among_the_samples_falls_back_to_the_medoid() -> None:
    samples = [Sample(id=i) for i in range(4)]
    embeddings = {0: (1.0, 0.0), 1: (0.8, 0.6), 2: (0.6, 0.8), 3: (-1.0, 0.0)}
    extra = Extra(pick=17, embeddings=embeddings)
    assert choose("universal_self_consistency", samples, extra=extra).id == 1
    assert choose("universal_self_consistency", samples, extra=Extra(pick=3)).id == 3
    assert choose("universal_self_consistency", samples).id == 0


def test_equilibrium_ranking_overrules_the_generator_alone() -> None:
    """A regression value of the specification, not a figure from the paper."""
    generator = [[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]]
    discriminator = [[0.4, 0.8, 0.3], [0.6, 0.2, 0.7]]
    g, d = equilibrium(generator, discriminator, EquilibriumOptions())
    assert g[0] == pytest.approx([0.25554, 0.73955, 0.00490], abs=1e-5)
    assert d[0] == pytest.approx([0.67453, 0.99113, 0.00490], abs=1e-5)
    columns = zip(*generator, discriminator[0], strict=True)
    samples = [
        Sample(id=i, p_correct=correct, p_incorrect=incorrect, p_yes=yes)
        for i, (correct, incorrect, yes) in enumerate(columns)
    ]
    for rank_by in ("generator", "discriminator"):
        choice = choose("equilibrium_ranking", samples, EquilibriumOptions(rank_by=rank_by))
        assert choice.id == 1


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("1,000", "1000.0", ""),
        ("$5", "5", ""),
        ("50%", "1/2", ""),
        (r"\frac{3}{4}", "0.75", ""),
        ("  Paris. ", "paris", ""),
        ("٤٢", "42", "ar"),
        ("1.234,5", "1234.5", "de"),
        ("−3", "-3", ""),
    ],
)
def test_answers_that_say_the_same_are_one(one: str, other: str, language: str) -> None:
    assert canonical(one, language) == canonical(other, "")


def test_answers_that_differ_stay_apart() -> None:
    assert len({canonical(each) for each in ("1", "1.5", "15", "x", "1/0", "")}) == 6


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"So \boxed{\frac{1}{2}} and finally \boxed{42}.", "42"),
        ("The answer is 12. Wait.\nThe answer is 13.", "13"),
        ("Final answer: blue", "blue"),
        ("I don't know", None),
    ],
)
def test_answers_are_extracted_from_the_end(text: str, answer: str | None) -> None:
    assert extract_answer(text) == answer
