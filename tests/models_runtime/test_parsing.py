import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_runtime.engines import Finish
from models_runtime.outcomes import Outcome
from models_runtime.prompting.pairwise import VERDICT
from models_runtime.prompting.parsing import ParseStatus, climb, outermost_json

READ = [
    ("Reasons.\nVerdict: [[A>>B]]", Outcome.FIRST_MUCH),
    ("Reasons.\nVerdict: [[A>B]]", Outcome.FIRST),
    ("Verdict: [[A=B]]", Outcome.TIE),
    ("Verdict: [[ B > A ]]", Outcome.SECOND),
    ("**Verdict:** [[B>>A]]", Outcome.SECOND_MUCH),
    ("verdict: [[both bad]]", Outcome.BOTH_BAD),
    ("Verdict: [[A<B]]", Outcome.SECOND),
    ("Verdict: [[A]]", Outcome.FIRST),
    ("I first thought [[A>B]], but on reflection [[B>A]]", Outcome.SECOND),
    ("My final verdict is: A=B.", Outcome.TIE),
    ("Verdict: [[A>B]]\nOnce more, Verdict: [[A>B]]\nVerdict: [[A>B]]", Outcome.FIRST),
    ("<think>Verdict: [[B>A]]</think>Verdict: [[A>B]]", Outcome.FIRST),
    ("the template opened it </think> Verdict: [[A>B]]", Outcome.FIRST),
    ("```\nVerdict: [[A>B]]\n```", Outcome.FIRST),
    ('{"reason": "x", "verdict": "A>B"}', Outcome.FIRST),
    ('Sure! ```json\n{"reason": "x", "verdict": "B>>A",}\n``` Hope it helps', Outcome.SECOND_MUCH),
    ("{'reason': 'it\\'s \"fine\"', 'verdict': 'A=B'}", Outcome.TIE),
    ("{“verdict”: “both_bad”}", Outcome.BOTH_BAD),
    ('{"reason": "cut off", "verdict": "A>B"', Outcome.FIRST),
]

UNREAD = [
    ("", ParseStatus.UNPARSABLE),
    ("It is hard to say.", ParseStatus.UNPARSABLE),
    ("Verdict: [[C>D]]", ParseStatus.UNPARSABLE),
    ("Verdict: [[A>B]]\nVerdict: [[B>A]]", ParseStatus.UNPARSABLE),
    ('{"verdict": 7}', ParseStatus.UNPARSABLE),
    ('{"verdict": true}', ParseStatus.UNPARSABLE),
    ("<think>Verdict: [[A>B]]", ParseStatus.UNPARSABLE),
    ("I'm sorry, but I can't help with that.", ParseStatus.REFUSED),
    ("I cannot compare these responses.", ParseStatus.REFUSED),
]


@pytest.mark.parametrize(("text", "outcome"), READ)
def test_the_ladder_reads_what_was_said(text: str, outcome: Outcome) -> None:
    parsed = climb(text, VERDICT)
    assert (parsed.status, parsed.value) == (ParseStatus.OK, outcome)


@pytest.mark.parametrize(("text", "status"), UNREAD)
def test_what_cannot_be_read_is_named_and_never_a_tie(text: str, status: ParseStatus) -> None:
    parsed = climb(text, VERDICT)
    assert (parsed.status, parsed.value) == (status, None)


def test_a_text_cut_off_before_its_verdict_is_truncated() -> None:
    assert climb("Response A is", VERDICT, finish=Finish.LENGTH).status is ParseStatus.TRUNCATED


def test_a_verdict_before_the_cut_still_counts() -> None:
    parsed = climb("Verdict: [[A>B]] and further", VERDICT, finish=Finish.LENGTH)
    assert parsed.value is Outcome.FIRST


def test_a_content_filter_is_a_refusal_whatever_the_text() -> None:
    assert climb("Verdict: [[A>B]]", VERDICT, finish=Finish.REFUSED).status is ParseStatus.REFUSED


def test_a_word_of_regret_beside_a_verdict_is_no_refusal() -> None:
    text = "I'm sorry, but I can't see a difference.\nVerdict: [[A=B]]"
    assert climb(text, VERDICT).value is Outcome.TIE


def test_deeply_nested_json_is_unread_rather_than_a_crash() -> None:
    assert outermost_json('{"a":' * 8000 + "1" + "}" * 8000) is None


@given(st.text(max_size=400))
def test_any_text_at_all_gets_a_status(text: str) -> None:
    parsed = climb(text, VERDICT)
    assert (parsed.value is None) is (parsed.status is not ParseStatus.OK)
