"""Designs: different pairs, the wanted number, even meetings, even sides, the same for one seed."""

import random
from collections import Counter
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.pairing import DESIGNS, Design, Pair, most_pairs, slates

counts = st.integers(2, 12)
wanted = st.none() | st.integers(1, 70)
names = st.sampled_from(sorted(DESIGNS))
seeds = st.integers(0, 2**32)


def pairs_of(name: str, count: int, per_prompt: int | None, seed: int) -> list[Pair]:
    return Design(name, per_prompt).pairs(count, random.Random(seed))


def meetings(pairs: list[Pair], count: int) -> list[int]:
    met = Counter(place for pair in pairs for place in pair)
    return [met[place] for place in range(count)]


def parts(pairs: list[Pair], count: int) -> int:
    part = list(range(count))
    for one, other in pairs:
        gone, kept = part[other], part[one]
        part = [kept if p == gone else p for p in part]
    return len(set(part))


@given(counts, st.integers(2, 9), st.none() | st.integers(1, 40), seeds)
def test_slates_are_different_even_and_show_everybody(
    count: int, size: int, number: int | None, seed: int
) -> None:
    found = slates(count, size, number, random.Random(seed))
    assert found == slates(count, size, number, random.Random(seed))
    sets = {frozenset(slate) for slate in found}
    assert (
        len(sets)
        == len(found)
        == min(number or -(-count // min(size, count)), comb(count, min(size, count)))
    )
    assert all(len(set(slate)) == len(slate) == min(size, count) for slate in found)
    shown = Counter(place for slate in found for place in slate)
    if number is None:
        assert set(shown) == set(range(count))
        assert max(shown.values()) - min(shown[place] for place in range(count)) <= 1
    assert slates(1, size, number, random.Random(seed)) == []


@given(names, counts, wanted, seeds)
def test_no_pair_comes_twice_and_nobody_meets_themselves(
    name: str, count: int, per_prompt: int | None, seed: int
) -> None:
    pairs = pairs_of(name, count, per_prompt, seed)
    assert len({frozenset(pair) for pair in pairs}) == len(pairs)
    assert all(one != other for one, other in pairs)
    assert all(0 <= place < count for pair in pairs for place in pair)


@given(names, counts, wanted, seeds)
def test_the_same_seed_designs_the_same_pairs(
    name: str, count: int, per_prompt: int | None, seed: int
) -> None:
    assert pairs_of(name, count, per_prompt, seed) == pairs_of(name, count, per_prompt, seed)


@given(counts, seeds)
def test_all_pairs_are_all(count: int, seed: int) -> None:
    assert len(pairs_of("all", count, None, seed)) == most_pairs(count)


@given(st.sampled_from(["random", "round_robin", "balanced"]), counts, st.integers(1, 70), seeds)
def test_a_prompt_gets_as_many_pairs_as_wanted_if_there_are_so_many(
    name: str, count: int, per_prompt: int, seed: int
) -> None:
    pairs = pairs_of(name, count, per_prompt, seed)
    assert len(pairs) == min(per_prompt, most_pairs(count))


@given(counts, st.integers(1, 70), seeds)
def test_in_a_round_robin_everybody_meets_about_equally_many(
    count: int, per_prompt: int, seed: int
) -> None:
    met = meetings(pairs_of("round_robin", count, per_prompt, seed), count)
    assert max(met) - min(met) <= 1 + count % 2


@given(counts, st.integers(0, 60), seeds)
def test_a_balanced_design_hangs_together_and_is_even(count: int, more: int, seed: int) -> None:
    pairs = pairs_of("balanced", count, count - 1 + more, seed)
    assert parts(pairs, count) == 1
    met = meetings(pairs, count)
    assert max(met) - min(met) <= 2


@given(names, counts, wanted, seeds)
def test_nobody_owns_a_side(name: str, count: int, per_prompt: int | None, seed: int) -> None:
    pairs = pairs_of(name, count, per_prompt, seed)
    for place in range(count):
        first = sum(pair[0] == place for pair in pairs)
        second = sum(pair[1] == place for pair in pairs)
        assert abs(first - second) <= 3


def test_different_seeds_design_different_pairs() -> None:
    designs = {tuple(pairs_of("random", 8, 6, seed)) for seed in range(20)}
    assert len(designs) == 20


def test_a_sample_favours_no_pair() -> None:
    drawn = Counter(
        frozenset(pair) for seed in range(3000) for pair in pairs_of("random", 5, 2, seed)
    )
    assert len(drawn) == 10
    assert all(abs(number - 600) < 120 for number in drawn.values())


@pytest.mark.parametrize("count", [0, 1])
def test_a_lonely_candidate_has_no_pairs(count: int) -> None:
    assert Design("all").pairs(count, random.Random(0)) == []


def test_an_unknown_design_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="there are all, random, round_robin, balanced"):
        Design("swiss")
    with pytest.raises(ValueError, match="at least one pair"):
        Design("random", 0)
