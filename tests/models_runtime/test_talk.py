"""How talks are carried through: repairs, new attempts, replays, rounds."""

from collections.abc import Sequence

import pytest

from models_runtime.engines import Conversation, Decision, Finish, Message
from models_runtime.judging.talk import (
    Answer,
    Ask,
    CallKind,
    Course,
    Heard,
    Patience,
    Step,
    Talk,
    hold,
    together,
)
from models_runtime.outcomes import Outcome
from models_runtime.prompting.pairwise import MEANINGS, PAIRWISE_TEMPLATES, VERDICT
from models_runtime.prompting.parsing import ParseStatus, plain

REASONED, LABELLED = PAIRWISE_TEMPLATES["reasoned@1"], PAIRWISE_TEMPLATES["labelled@1"]
ASKED = (Message("user", "Which is better?"),)
FIRST = Heard("Verdict: [[A>B]]")


def ask(key: str) -> Ask:
    return Ask(key, ASKED, REASONED, plain(VERDICT))


def one(key: str = "ab") -> Talk[Answer]:
    answers = yield [ask(key)]
    return answers[key]


def tried(heard: Sequence[Heard], patience: Patience | None = None) -> list[tuple[CallKind, int]]:
    """The steps taken when these come back one after the other."""
    replies = iter(heard)
    steps: list[Step] = []

    def reply(_: Ask, step: Step, __: Conversation) -> Heard:
        steps.append(step)
        return next(replies)

    hold(one(), reply, patience)
    return [(step.kind, step.sample) for step in steps]


A, R = CallKind.ASK, CallKind.REPAIR


def test_an_unreadable_reply_is_repaired_then_asked_again_and_then_given_up() -> None:
    said = tried([Heard("hm")] * 6)
    assert said == [(A, 0), (R, 0), (A, 1), (R, 1), (A, 2), (R, 2)]


def test_a_truncated_reply_is_repaired() -> None:
    assert tried([Heard("A is", Finish.LENGTH), FIRST]) == [(A, 0), (R, 0)]


def test_a_refusal_is_asked_again_without_a_repair() -> None:
    refusal = Heard("I'm sorry, but I can't help with that.")
    assert tried([refusal, FIRST]) == [(A, 0), (A, 1)]


def test_patience_can_be_taken_away() -> None:
    assert tried([Heard("hm")], Patience(reasks=0, repairs=False)) == [(A, 0)]
    assert tried([Heard("hm"), Heard("hm")], Patience(reasks=1, repairs=False)) == [(A, 0), (A, 1)]


def test_a_repair_shows_the_model_its_own_words_and_its_answer_is_marked() -> None:
    course = Course(one())
    course.hear(Step("ab"), Heard("I like the former."))
    ((again, step),) = course.wanted()
    *before, said, please = course.messages_of(again, step)
    assert tuple(before) == ASKED
    assert said == Message("assistant", "I like the former.")
    assert "could not be read" in please.content
    course.hear(step, FIRST)
    assert course.result.status is ParseStatus.REPAIRED
    assert course.result.value is Outcome.FIRST
    assert course.result.tries == (ParseStatus.UNPARSABLE, ParseStatus.REPAIRED)


def test_labels_are_never_asked_twice() -> None:
    def labelled() -> Talk[Answer]:
        answers = yield [Ask("ab", ASKED, LABELLED, labels=MEANINGS)]
        return answers["ab"]

    course = Course(labelled())
    course.hear(Step("ab"), Heard(decision=Decision({"A": 1.0}, 0.2)))
    assert course.is_over
    assert course.result.status is ParseStatus.UNPARSABLE


def two_rounds() -> Talk[list[object]]:
    first = yield [ask("ab"), ask("ba")]
    second = yield [ask(f"after-{first['ab'].value}")]
    return [answer.value for answers in (first, second) for answer in answers.values()]


def test_a_talk_that_was_cut_off_asks_only_what_is_missing() -> None:
    kept = {Step("ab"): FIRST, Step("ba"): Heard("hm")}
    course = Course(two_rounds())
    course.replay(kept)
    assert [step for _, step in course.wanted()] == [Step("ba", CallKind.REPAIR)]
    kept |= {Step("ba", CallKind.REPAIR): FIRST}
    later = Course(two_rounds())
    later.replay(kept)
    assert [step.key for _, step in later.wanted()] == ["after-first"]
    assert later.calls == 3


def test_two_asks_under_one_key_are_a_mistake() -> None:
    def twice() -> Talk[None]:
        yield [ask("ab")]
        yield [ask("ab")]

    course = Course(twice())
    with pytest.raises(ValueError, match="twice"):
        course.hear(Step("ab"), FIRST)


def test_talks_go_side_by_side_round_by_round() -> None:
    rounds: list[int] = []

    def counted() -> Talk[list[Answer]]:
        talk = together([one("a"), one("b"), one("c")])
        answers = None
        try:
            while True:
                asks = next(talk) if answers is None else talk.send(answers)
                rounds.append(len(asks))
                answers = yield asks
        except StopIteration as end:
            value: list[Answer] = end.value
            return value

    course = hold(counted(), lambda *_: FIRST)
    assert rounds == [3]
    assert [answer.value for answer in course.result] == [Outcome.FIRST] * 3


def test_a_talk_that_asks_nothing_is_over_at_once() -> None:
    def silent() -> Talk[str]:
        answers = yield []
        return f"heard {len(answers)}"

    assert Course(silent()).result == "heard 0"
