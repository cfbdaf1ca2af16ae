"""Values out of cells: what is understood, and what a person reads when it isn't."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from annotation.intake import cells
from annotation.intake.refusals import BadCell


def reason(function: Any, value: Any, *more: Any, **options: Any) -> str:
    with pytest.raises(BadCell) as refused:
        function({"field": value}, "field", *more, **options)
    assert refused.value.field == "field"
    return refused.value.reason


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        *((word, "a") for word in ("a", "A", "x", "left", "1", "model_a", "Response A", "1.0")),
        *((word, "b") for word in ("b", "Y", "right", "2", "model_b", "output_2", "second")),
        *((word, "tie") for word in ("tie", "Tie", "draw", "same", "equal")),
        *((word, "both_bad") for word in ("both_bad", "tie (bothbad)", "Both bad")),
        ("", None),
        (None, None),
    ],
)
def test_the_words_for_a_winner(told: str | None, meant: str | None) -> None:
    assert cells.winner({"winner": told}, "winner", None, None) == meant


def test_a_winner_may_be_named_by_its_system() -> None:
    assert cells.winner({"winner": "gpt-4"}, "winner", "gpt-4", "vicuna") == "a"
    assert cells.winner({"winner": "vicuna"}, "winner", "gpt-4", "vicuna") == "b"
    assert "names no winner" in reason(cells.winner, "llama", "gpt-4", "vicuna")


def test_a_system_whose_name_means_the_other_side_is_not_guessed_at() -> None:
    assert "also means “a”" in reason(cells.winner, "x", "y", "x")


@pytest.mark.parametrize("word", ["0", "-1", "neither", "maybe", "none"])
def test_an_ambiguous_winner_is_refused_with_the_known_words(word: str) -> None:
    told = reason(cells.winner, word, None, None)
    assert f"“{word}” names no winner" in told
    assert "left/right" in told


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        *((word, "yes") for word in ("yes", "Y", "1", "true", "1.0", 1, True)),
        *((word, "no") for word in ("no", "n", "0", "False", 0, False)),
        *((word, "not_applicable") for word in ("na", "N/A", "not applicable", "not_applicable")),
    ],
)
def test_the_words_for_an_answer(told: Any, meant: str) -> None:
    assert cells.answer({"answer": told}, "answer") == meant


def test_an_unknown_answer_is_refused() -> None:
    assert "must be yes, no or n/a" in reason(cells.answer, "perhaps")
    assert "is empty" in reason(cells.answer, " ")


def test_a_text_is_kept_as_it_is() -> None:
    for text in ("", "  two\n lines ", "=1+1", "\u202eback", "a\u200bb", "Ω" * 1000):
        assert cells.text({"t": text}, "t") == text


@pytest.mark.parametrize("text", ["a\0b", "\0"])
def test_nul_is_refused_in_every_field(text: str) -> None:
    assert "NUL" in reason(cells.text, text)
    assert "NUL" in reason(cells.messages, '[{"role": "user", "content": "a\\u0000"}]')
    assert "NUL" in reason(cells.attributes, {"note": text})


def test_a_lone_surrogate_is_refused() -> None:
    assert "lone surrogate" in reason(cells.text, "ab\ud800")


def test_a_long_cell_is_refused_by_its_length() -> None:
    assert "has 1,000,001 characters" in reason(cells.text, "x" * 1_000_001)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a\u200bb", "U+200B (ZERO WIDTH SPACE)"),
        ("a\u202eb", "U+202E (RIGHT-TO-LEFT OVERRIDE)"),
        ("a\nb", "U+000A"),
        ("a\u00a0b", "U+00A0 (NO-BREAK SPACE)"),
        ("x" * 201, "has 201 characters"),
    ],
)
def test_an_id_is_one_visible_line(text: str, told: str) -> None:
    assert told in reason(cells.identifier, text)


def test_an_id_loses_the_blanks_around_it_and_numbers_their_fraction() -> None:
    assert cells.identifier({"id": "  a b "}, "id") == "a b"
    assert cells.identifier({"id": 7}, "id") == "7"
    assert cells.identifier({"id": 7.0}, "id") == "7"
    assert cells.identifier({"id": "007"}, "id") == "007"
    assert cells.identifier({"id": " "}, "id") is None


def test_a_conversation_may_come_as_json_text_or_as_a_list() -> None:
    told = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": ""}]
    assert cells.messages({"m": told}, "m") == told
    assert cells.messages({"m": '[{"from": "human", "value": "Hi"}]'}, "m") == [
        {"role": "human", "content": "Hi"}
    ]
    assert "JSON" in reason(cells.messages, "Hi")
    assert "at least one message" in reason(cells.messages, [])
    assert "role" in reason(cells.messages, [{"content": "Hi"}])


def test_a_response_may_be_the_end_of_its_conversation() -> None:
    prompt = [{"role": "user", "content": "Hi"}]
    answer = {"role": "assistant", "content": "Hello"}
    assert cells.response({"r": [answer]}, "r", prompt) == "Hello"
    assert cells.response({"r": [*prompt, answer]}, "r", prompt) == "Hello"
    other = [{"role": "user", "content": "Bye"}, answer]
    assert "other messages than the prompt" in reason(cells.response, other, prompt)
    assert "must be the assistant's" in reason(cells.response, prompt, prompt)


def test_numbers_have_bounds() -> None:
    assert cells.number({"n": "0.25"}, "n", low=0, high=1) == 0.25
    assert cells.whole({"n": "3.0"}, "n", low=-3, high=3) == 3
    assert cells.number({"n": " "}, "n", low=0) is None
    assert cells.number({"n": float("nan")}, "n", low=0) is None
    assert cells.identifier({"n": float("nan")}, "n") is None
    assert "from 0 to 1" in reason(cells.number, "80", low=0, high=1)
    assert "must be a number" in reason(cells.number, "80%", low=0, high=1)
    for strange in ("nan", "inf", True, [1]):
        assert "must be a number" in reason(cells.number, strange, low=0)
    assert "whole number" in reason(cells.whole, "1.5", low=-3, high=3)


@pytest.mark.parametrize(
    "told", ["2026-05-31T14:00:00Z", "2026-05-31 14:00", 1780236000, "1780236000000"]
)
def test_times_in_the_usual_forms_are_utc(told: Any) -> None:
    assert cells.moment({"t": told}, "t") == datetime(2026, 5, 31, 14, tzinfo=UTC)


def test_impossible_times_are_refused() -> None:
    assert "must be a time like" in reason(cells.moment, "yesterday")
    assert "must be a time like" in reason(cells.moment, 1e30)
    tomorrow = datetime.now(UTC) + timedelta(days=3)
    assert "lies in the future" in reason(cells.moment, tomorrow.isoformat())


def test_attributes_are_canonical_whatever_their_order() -> None:
    assert cells.attributes({"a": {"b": 1, "a": "x", "n": None}}, "a") == '{"a":"x","b":1}'
    assert cells.attributes({"a": '{"b": 1, "a": "x"}'}, "a") == '{"a":"x","b":1}'
    assert "must be a JSON object" in reason(cells.attributes, "[1]")
    assert "JSON" in reason(cells.attributes, {"a": "\ud800"})
    assert "plain value" in reason(cells.attributes, {"a": {"b": 1}})


def test_kinds_of_annotators_have_many_names() -> None:
    assert cells.kind_of_annotator({"k": "Human"}, "k") == "person"
    assert cells.kind_of_annotator({"k": "llm"}, "k") == "model"
    assert "person, model or simulated" in reason(cells.kind_of_annotator, "robot dog")


def test_what_a_message_quotes_is_short_visible_and_on_one_line() -> None:
    assert cells.shown("a\nb\u202ec") == "“a b�c”"
    assert len(cells.shown("x" * 10_000)) < 50
