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
    ("Urteil: A>B", Outcome.FIRST),
    ("Begründung … Urteil: [[B>A]]", Outcome.SECOND),
    ("Le verdict est : B >> A", Outcome.SECOND_MUCH),
    ("Veredicto: A = B", Outcome.TIE),
    ("Вердикт: A>>B", Outcome.FIRST_MUCH),
    ("判定：［［Ａ＞Ｂ］］", Outcome.FIRST),
    ("最终结论：A>B", Outcome.FIRST),
    ("الحكم: B>A", Outcome.SECOND),
    ("Verdict: [[A ≈ B]]", Outcome.TIE),
    ("### Verdict: [[B>A]]", Outcome.SECOND),
    ("> Verdict: [[A>B]]", Outcome.FIRST),
    ("Verdict: **[[A>B]]**", Outcome.FIRST),
    ("My verdict is [[A>>B]]; thank you.", Outcome.FIRST_MUCH),
    ("<verdict>B>A</verdict>", Outcome.SECOND),
    ("The better one: \\boxed{A>B}", Outcome.FIRST),
    ("\\boxed{\\text{B}}", Outcome.SECOND),
    ("Final verdict: B", Outcome.SECOND),
    ("Verdict: [A]", Outcome.FIRST),
    ("They differ a little. Overall, Response A is better.", Outcome.FIRST),
    ("So Response B is the clearly better response.", Outcome.SECOND),
    ("Assistant B wins!", Outcome.SECOND),
    ("B", Outcome.SECOND),
    ("**A**", Outcome.FIRST),
    ("  C.\n", Outcome.TIE),
    ("A>B", Outcome.FIRST),
    ("tie", Outcome.TIE),
    ("<thinking>[[B>A]]</thinking>\n\n[[A>B]]", Outcome.FIRST),
    ('```json\n{"verdict": "B>A", "reason": "shorter"}\n```', Outcome.SECOND),
    ('{"analysis": {"a": 1, "b": 2}, "verdict": "tie"}', Outcome.TIE),
    ('{"verdict": ["A>B"]}', Outcome.FIRST),
    ("{verdict: 'A>B'} Verdict: [[A>B]]", Outcome.FIRST),
    ("Verdict: [[A>B]]\n\nVerdict: [[ a > b ]]", Outcome.FIRST),
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
    ("Es tut mir leid, das kann ich nicht beurteilen.", ParseStatus.REFUSED),
    ("Lo siento, no puedo ayudar con eso.", ParseStatus.REFUSED),
    ("抱歉，我无法评价这些回答。", ParseStatus.REFUSED),
    ("As an AI language model, I cannot choose.", ParseStatus.REFUSED),
    ("Response A is more polite than Response B in tone", ParseStatus.UNPARSABLE),
    ("Verdict: [[A>B]]\nVerdict: [[A>>B]]", ParseStatus.UNPARSABLE),
    ("Verdict: [[X]]", ParseStatus.UNPARSABLE),
    ("Verdict:", ParseStatus.UNPARSABLE),
    ("A or B, who knows", ParseStatus.UNPARSABLE),
    ('{"verdict": null}', ParseStatus.UNPARSABLE),
    ("[[A>B>C]]", ParseStatus.UNPARSABLE),
    ("\u200b\u200b", ParseStatus.UNPARSABLE),
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


@pytest.mark.parametrize("text", ["Overall, Response A is better", "Final verdict: A", "B"])
def test_a_loose_verdict_at_the_cut_may_be_half_a_sentence(text: str) -> None:
    assert climb(text, VERDICT, finish=Finish.LENGTH).status is ParseStatus.TRUNCATED


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


def test_the_table_holds_at_least_sixty_shapes() -> None:
    assert len({text for text, _ in [*READ, *UNREAD]}) >= 60
