"""The rules over somebody's answers: when they speak, what they say, and when they keep still."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.quality.flags import RULES, TITLES, Act, flags
from annotation.quality.shares import share


def act(**changes: object) -> Act:
    usual: dict[str, object] = {
        "elapsed_ms": 60_000,
        "characters": 600,
        "chose_first": None,
        "signature": "a",
        "reason": "",
    }
    return Act(**(usual | changes))  # type: ignore[arg-type]


def careful(k: int) -> Act:
    """Answers as a careful person gives them."""
    return act(
        chose_first=k % 2 == 0,
        signature=f"answer {k % 5}",
        reason=f"The other one misses point {k} of the question.",
    )


def slugs(acts: list[Act]) -> list[str]:
    return [flag.slug for flag in flags(acts)]


def test_a_careful_person_gets_no_remark() -> None:
    assert slugs([careful(k) for k in range(200)]) == []


def test_quick_is_relative_to_the_length_of_the_texts() -> None:
    texts_of_a_page = [act(elapsed_ms=5_000, characters=3_000, signature=str(k)) for k in range(10)]
    texts_of_a_line = [act(elapsed_ms=5_000, characters=90, signature=str(k)) for k in range(10)]
    (flag,) = flags(texts_of_a_page)
    assert (flag.slug, flag.count, flag.n) == ("too_fast", 10, 10)
    assert "10 of 10 timed answers" in flag.sentence
    assert flags(texts_of_a_line) == []


def test_answers_without_a_time_are_not_called_quick() -> None:
    assert slugs([act(elapsed_ms=None, signature=str(k)) for k in range(50)]) == []


def test_always_left_is_told_from_a_coin() -> None:
    left = [act(chose_first=k != 3, signature=str(k)) for k in range(40)]
    (flag,) = flags(left)
    assert (flag.slug, flag.count, flag.n) == ("one_side", 39, 40)
    assert "first (left)" in flag.sentence
    right = [act(chose_first=False, signature=str(k)) for k in range(20)]
    assert "second (right)" in flags(right)[0].sentence
    unsure = [act(chose_first=k < 26, signature=str(k)) for k in range(40)]
    assert flags(unsure) == []


def test_the_same_answer_in_a_row() -> None:
    line = [act(signature="4") for _ in range(15)] + [act(signature=str(k)) for k in range(5)]
    (flag,) = flags(line)
    assert (flag.slug, flag.count, flag.n) == ("straight_line", 15, 20)
    assert slugs([act(signature="4") for _ in range(19)]) == []


def test_reasons_that_are_none_and_reasons_that_repeat() -> None:
    poor = [act(reason="ok.", signature=str(k)) for k in range(6)]
    assert slugs(poor) == ["deficient_reasons"]
    same = [act(reason="A is clearer and  more helpful", signature=str(k)) for k in range(6)]
    assert slugs(same) == ["pasted_reasons"]
    chinese = [act(reason=f"第{k}个回答更清楚更有用", signature=str(k)) for k in range(6)]
    assert slugs(chinese) == []


acts = st.lists(
    st.builds(
        Act,
        elapsed_ms=st.none() | st.integers(0, 10**6),
        characters=st.integers(0, 10**5),
        chose_first=st.none() | st.booleans(),
        signature=st.sampled_from("ab"),
        reason=st.sampled_from(["", "ok", "it is just the better one"]),
    ),
    max_size=80,
)


@given(acts)
def test_every_remark_counts_within_what_it_looked_at(given_acts: list[Act]) -> None:
    for flag in flags(given_acts):
        assert 0 < flag.count <= flag.n <= len(given_acts)
        assert str(flag.n) in flag.sentence
        assert flag.rule


def test_every_rule_has_a_title() -> None:
    assert [rule.__name__ for rule in RULES] == list(TITLES)


def test_the_interval_of_a_share_is_wilsons() -> None:
    found = share(8, 10)  # Newcombe 1998's method 3 gives 0.4902 to 0.9433
    assert found is not None
    assert found.low == pytest.approx(0.4902, abs=1e-4)
    assert found.high == pytest.approx(0.9433, abs=1e-4)
    assert share(0, 0) is None
    with pytest.raises(ValueError, match="no share"):
        share(3, 2)
