"""Agreement between people, the columns of a chart, and the forecast: pure, with known cases."""

from collections.abc import Hashable
from datetime import date

import pytest

from annotation.assignment.agreement import Outcomes
from annotation.charts import Column, columns
from annotation.forecast import Forecast, forecast
from annotation.quality.pairs import Said, compare, disagreement

A: Outcomes = {("pair", 0, 1): 1}
B: Outcomes = {("pair", 0, 1): -1}
TIE: Outcomes = {("pair", 0, 1): 0}


def test_each_two_people_are_compared_once_per_question() -> None:
    found = compare([Said(1, 7, A), Said(1, 8, A), Said(1, 9, B), Said(2, 7, A), Said(2, 8, B)])
    assert found.by_pair[7, 8].share() is not None
    assert (found.by_pair[7, 8].agreeing, found.by_pair[7, 8].n) == (1, 2)
    assert (found.by_annotator[9].agreeing, found.by_annotator[9].n) == (0, 2)
    assert (found.overall.agreeing, found.overall.n) == (1, 4)
    assert (found.unanimous, found.majority, found.split) == (0, 1, 1)
    assert found.chance == pytest.approx((3 / 5) ** 2 + (2 / 5) ** 2)


def test_a_lone_answer_is_not_agreement() -> None:
    found = compare([Said(1, 7, A), Said(2, 8, A)])
    assert found.overall.share() is None
    assert (found.unanimous, found.majority, found.split) == (0, 0, 0)


def test_partly_the_same_checklist_counts_in_part() -> None:
    one: dict[Hashable, Hashable] = {("label", 0, k): "yes" for k in range(4)}
    other: Outcomes = {**one, ("label", 0, 3): "no"}
    found = compare([Said(1, 7, one), Said(1, 8, other)])
    assert found.by_pair[7, 8].agreeing == pytest.approx(0.75)
    assert disagreement([one, other]) == pytest.approx(0.25)


def test_how_much_answers_differ() -> None:
    assert disagreement([A, A, A]) == 0
    assert disagreement([A, B]) == 1
    assert disagreement([A, A, B]) == pytest.approx(2 / 3)
    assert disagreement([A, B, TIE]) == 1
    assert disagreement([A]) == 0


TODAY = date(2026, 3, 1)


def test_an_even_pace_says_the_day_and_a_narrow_band() -> None:
    found = forecast([0] * 10 + [10] * 14, remaining=45, today=TODAY)
    assert isinstance(found, Forecast)
    assert found.expected == found.earliest == found.latest == date(2026, 3, 6)
    assert (found.rate, found.days) == (10, 14)


def test_an_uneven_pace_has_a_wide_band_or_no_end() -> None:
    found = forecast([40, 0, 0, 2, 38, 0, 1], remaining=100, today=TODAY)
    assert isinstance(found, Forecast)
    assert found.earliest < found.expected
    assert found.latest is None or found.latest > found.expected


def test_without_enough_days_there_is_a_sentence_and_with_nothing_left_no_wait() -> None:
    assert "needs 3 complete days, there are 2" in str(
        forecast([0, 4, 5], remaining=9, today=TODAY)
    )
    done = forecast([], remaining=0, today=TODAY)
    assert isinstance(done, Forecast)
    assert done.latest == TODAY


def test_columns_say_their_numbers_and_escape_their_labels() -> None:
    drawn = columns(
        "days", [Column("1 <b>", 3), Column("2", 0, unfinished=True)], title="Pace", unit="a day"
    )
    assert "1 &lt;b&gt;: 3; 2: 0" in drawn
    assert "chart-unfinished" in drawn
    assert "<b>" not in drawn
    assert columns("days", [], title="Pace", unit="a day") == ""
    with pytest.raises(ValueError, match="negative"):
        columns("days", [Column("1", -1)], title="Pace", unit="a day")
