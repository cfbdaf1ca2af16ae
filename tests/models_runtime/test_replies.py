"""Numbers, yes and no, lists and scores as models really write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_runtime.engines import Finish
from models_runtime.prompting.parsing import ParseStatus
from models_runtime.prompting.replies import (
    bullets,
    number,
    numbered_answers,
    prose,
    scores,
    stated_confidence,
    yes_or_no,
)

RATED = [
    ("Good.\nRating: [[4]]", 4),
    ("**Rating:** [[ 3 ]]", 3),
    ("Rating: [[5/5]]", 5),
    ("Feedback: fine. [RESULT] 4", 4),
    ("Feedback: fine. [RESULT] (4)", 4),
    ("So the final score is 2.", 2),
    ("Score: 3 out of 5", 3),
    ("Score: 3/5.", 3),
    ("Bewertung: 4 von 5", 4),
    ("Note: 4 sur 5", 4),
    ("评分：４", 4),
    ("التقييم: ٤", 4),
    ("rating: [[٣]]", 3),
    ("点数: 5", 5),
    ("4", 4),
    ("**4**/5", 4),
    ("```\nRating: [[2]]\n```", 2),
    ("<think>Rating: [[1]]</think> Rating: [[5]]", 5),
    ('{"feedback": "ok", "rating": 4}', 4),
    ('{"feedback": "ok", "score": "3",}', 3),
    ("I first thought [[2]] but it is [[4]]", 4),
    ("Rating: [[4]]\nRating: [[4]]", 4),
]
UNRATED = [
    ("", ParseStatus.UNPARSABLE),
    ("It is fairly good.", ParseStatus.UNPARSABLE),
    ("Rating: [[7]]", ParseStatus.UNPARSABLE),
    ("Rating: [[0]]", ParseStatus.UNPARSABLE),
    ("Rating: [[3.5]]", ParseStatus.UNPARSABLE),
    ("Rating: [[2]]\nRating: [[4]]", ParseStatus.UNPARSABLE),
    ("Score: 3 for tone, though the rest is better than that", ParseStatus.UNPARSABLE),
    ('{"rating": true}', ParseStatus.UNPARSABLE),
    ('{"rating": 9}', ParseStatus.UNPARSABLE),
    ("I cannot evaluate this.", ParseStatus.REFUSED),
]


@pytest.mark.parametrize(("text", "value"), RATED)
def test_ratings_are_read(text: str, value: float) -> None:
    parsed = number(1, 5, 1)(text, Finish.STOP)
    assert (parsed.status, parsed.value) == (ParseStatus.OK, value)


@pytest.mark.parametrize(("text", "status"), UNRATED)
def test_what_is_no_rating_is_named(text: str, status: ParseStatus) -> None:
    parsed = number(1, 5, 1)(text, Finish.STOP)
    assert (parsed.status, parsed.value) == (status, None)


def test_a_rating_cut_off_counts_only_in_its_brackets() -> None:
    read = number(1, 10)
    assert read("Rating: [[7]] because", Finish.LENGTH).value == 7
    assert read("the score is 1", Finish.LENGTH).status is ParseStatus.TRUNCATED  # of 10, perhaps


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("It does.\nAnswer: [[yes]]", "yes"), ("Answer: [[No]]", "no"),
        ("Answer: [[not applicable]]", "not_applicable"), ("answer: [[N/A]]", "not_applicable"),
        ("Yes", "yes"), ("**No.**", "no"), ("Antwort …\nJa", "yes"), ("Answer: Oui", "yes"),
        ("是", "yes"), ("はい", "yes"), ("لا", "no"), ("Нет.", "no"),
        ('{"answer": "no"}', "no"), ('{"answer": "Yes",}', "yes"),
    ],
)  # fmt: skip
def test_yes_and_no_are_read_in_several_languages(text: str, value: str) -> None:
    assert yes_or_no()(text, Finish.STOP).value == value


@pytest.mark.parametrize(
    "text",
    [
        "Answer: [[yes]]\nAnswer: [[no]]", "perhaps", "Yes and no", "", "Answer: [[maybe]]",
        "There is no next step in it that I could see",
    ],
)  # fmt: skip
def test_neither_yes_nor_no_is_no_answer(text: str) -> None:
    assert yes_or_no()(text, Finish.STOP).status is ParseStatus.UNPARSABLE


def test_numbered_answers_are_read_line_by_line() -> None:
    text = "1. it does [[yes]]\n2) doesn't [[no]]\n**3.** [[not applicable]]\n4: yes\n5. hm"
    read = numbered_answers(5)(text, Finish.STOP).value
    assert read == {1: "yes", 2: "no", 3: "not_applicable", 4: "yes"}


def test_an_item_answered_in_two_ways_or_out_of_range_is_left_out() -> None:
    read = numbered_answers(2)("1. [[yes]]\n1. [[no]]\n2. [[no]]\n3. [[yes]]", Finish.STOP).value
    assert read == {2: "no"}
    assert numbered_answers(2)("nothing here", Finish.STOP).status is ParseStatus.UNPARSABLE


def test_lists_are_read_from_dashes_numbers_and_json() -> None:
    for text in ("- One?\n- Two?", "1. One?\n2. Two?", '["One?", "Two?"]', "* One?\n• Two?"):
        assert bullets()(text, Finish.STOP).value == ("One?", "Two?")
    assert bullets()("- One?\n- Tw", Finish.LENGTH).value == ("One?",)
    assert bullets()("No list at all.", Finish.STOP).status is ParseStatus.UNPARSABLE


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Scores: [[7, 5]]", (7, 5)), ("**Scores:** [7,5]", (7, 5)), ("Score: [[7; 5]]", (7, 5)),
        ("Scores: [[Response 1: 7/10, Response 2: 5/10]]", (7, 5)), ("Scores: [[7]]", None),
        ("Scores: [[7, 5, 3]]", None), ("Scores: [[11, 5]]", None), ("7 and 5", None),
        ('{"scores": [7, 5]}', (7, 5)), ("Scores: [[7, 5]]\nScores: [[5, 7]]", None),
        ("Scores: [[٧, ٥]]", (7, 5)), ("Scores: [[a, b]]", None),
    ],
)  # fmt: skip
def test_scores_must_be_as_many_as_responses(text: str, value: tuple[float, ...] | None) -> None:
    assert scores(2, 1, 10)(text, Finish.STOP).value == value


def test_prose_is_anything_but_nothing_and_refusals() -> None:
    assert prose("A turn.", Finish.STOP).value == "A turn."
    assert prose("A tur", Finish.LENGTH).value == "A tur"
    assert prose("  ", Finish.STOP).status is ParseStatus.UNPARSABLE
    assert prose("I'm sorry, but I can't help.", Finish.STOP).status is ParseStatus.REFUSED
    assert prose("Fine.", Finish.REFUSED).status is ParseStatus.REFUSED


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Confidence: 0.8\nVerdict: [[A>B]]", 0.8), ("**Confidence:** 85 %", 0.85),
        ("confidence = 90", 0.9), ("Confidence: 0,7", 0.7), ("Confidence: high", None),
        ("Confidence: 0.2 … Confidence: 0.6", 0.6), ("", None),
    ],
)  # fmt: skip
def test_a_stated_confidence_is_read_as_a_share(text: str, value: float | None) -> None:
    assert stated_confidence(text) == value


@given(st.text(max_size=300))
def test_any_text_at_all_gets_a_status_from_every_reader(text: str) -> None:
    for read in (number(1, 5, 1), yes_or_no(), numbered_answers(3), bullets(), scores(2, 1, 10)):
        for finish in Finish:
            parsed = read(text, finish)
            assert (parsed.value is None) is (not parsed.status.is_answer)
