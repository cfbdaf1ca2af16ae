"""Numbers: judging specification §1.2-1.7 (computed there by hand), and what they rest on."""

import math
from dataclasses import replace
from typing import Any

import pytest

from models_runtime.catalogue import PROTOCOLS
from models_runtime.engines import Conversation, Decision
from models_runtime.judging.checklists import Checked, pass_rate, review
from models_runtime.judging.confidences import (
    brier,
    calibration_error,
    calibration_reward,
    reliability,
    weighted_votes,
)
from models_runtime.judging.councils import (
    Escalation,
    affinities,
    agreement_with_majority,
    consistency,
    cost_line,
    effective_size,
    majority,
    run_off,
    separability,
    weights_from_agreement,
)
from models_runtime.judging.critiques import (
    critique_score,
    first_wrong_step,
    macro,
    utility,
)
from models_runtime.judging.personas import Persona, propose
from models_runtime.judging.protocols.self_aggregation import shown_of
from models_runtime.judging.quoting import STRUCK, verify_quotes
from models_runtime.judging.ratings import expected_rating
from models_runtime.judging.refining import accuracy_after, best_of, refine, self_correction
from models_runtime.judging.sampled_scores import meta_scores, vote
from models_runtime.judging.subject import Criterion, Subject
from models_runtime.judging.talk import Answer, Ask, Heard, Step, hold
from models_runtime.judging.verdicts import Verdict, Written, verdict_of_scores
from models_runtime.judging.verifying import choose_by_verification, cost_of, plan, verified_score
from models_runtime.outcomes import Outcome
from models_runtime.prompting.parsing import ParseStatus
from tests.models_runtime.judges import (
    ASKED,
    BAD,
    GOOD,
    SCALES,
    YES_NO,
    by,
    carried,
    conduct,
    fit_for,
    saying,
    scripted,
    subject,
)

# --- Ratings --------------------------------------------------------------------------------------


def test_the_expected_rating_of_label_probabilities() -> None:
    logs = dict(zip("12345", (-5, -3, -1.5, -0.5, -2), strict=True))
    total = sum(map(math.exp, logs.values()))
    p = {level: math.exp(value) / total for level, value in logs.items()}
    assert expected_rating(p) == pytest.approx(3.796790, abs=1e-6)


def test_a_labelled_rating_keeps_the_expectation_and_judges_the_nearest_level() -> None:
    p = {"1": 0.0, "2": 0.0, "3": 0.3, "4": 0.6, "5": 0.1}
    protocol = PROTOCOLS["direct_rating"]
    about = subject("Yes.", judgment_type="rating", criteria=SCALES[:1])
    talk = protocol.conduct(about, protocol.options_class.parse({"labelled": True}))
    verdict = carried(talk, lambda *_: Heard(decision=Decision(p, 0.9))).result
    assert verdict.payload == {"ratings": {"0": {"0": 4}}, "scales": {"0": [1, 5]}}
    told = verdict.detail["ratings"]["place-0/criterion-0"]
    assert told["expected"] == pytest.approx(3.8)


def test_sampled_ratings_are_averaged_and_their_variance_told() -> None:
    replies = iter(["Rating: [[2]]", "Rating: [[4]]", "Rating: [[5]]"])
    protocol = PROTOCOLS["direct_rating"]
    about = subject("Yes.", judgment_type="rating", criteria=SCALES[:1])
    talk = protocol.conduct(about, protocol.options_class.parse({"samples": 3}))
    verdict = carried(talk, saying(lambda *_: next(replies))).result
    told = verdict.detail["ratings"]["place-0/criterion-0"]
    assert told["expected"] == pytest.approx(11 / 3)
    assert told["variance"] == pytest.approx(14 / 9)
    assert verdict.payload["ratings"]["0"]["0"] == 4


def test_the_rubric_of_people_is_what_the_judge_reads() -> None:
    read: list[str] = []

    def reply(ask: Ask, messages: Conversation) -> str:
        read.append(messages[1].content)
        return "Rating: [[3]]"

    protocol = PROTOCOLS["direct_rating"]
    about = subject("Yes.", judgment_type="rating", criteria=SCALES[:1], reference="Yes, gladly.")
    carried(protocol.conduct(about, protocol.options_class()), saying(reply))
    assert "How useful is it?\n1: Useless\n5: Very useful" in read[0]
    assert "Yes, gladly." in read[0]
    assert "from 1 to 5" in read[0]


def test_scales_without_single_digits_are_refused_by_labels() -> None:
    wide = Criterion(0, "How long?", kind="scale", low=0, high=100)
    protocol = PROTOCOLS["direct_rating"]
    about = subject("Yes.", judgment_type="rating", criteria=(wide,))
    verdict = conduct(protocol, about, scripted(), labelled=True).result
    assert verdict.outcome is Outcome.INVALID
    assert "single digits" in verdict.cause


# --- Checklists -----------------------------------------------------------------------------------

FOUR = tuple(Criterion(n, f"Question {n}?") for n in range(4))


def answers(*said: str | None) -> dict[int, Checked]:
    return {
        n: Checked(value, None if value is None else float(value == "yes"))
        for n, value in enumerate(said)
    }


def test_pass_rates_as_in_the_reference() -> None:
    first = pass_rate(answers("yes", "yes", "no", None), FOUR)
    second = pass_rate(answers("yes", "yes", "no", "no"), FOUR)
    assert first.rate == pytest.approx(2 / 3)
    assert second.rate == 0.5
    assert verdict_of_scores("pairwise", [first.rate, second.rate]).outcome is Outcome.FIRST


def test_with_more_than_half_unknown_there_is_no_pass_rate() -> None:
    assert pass_rate(answers("yes", None, None, None), FOUR).rate is None
    assert pass_rate(answers("yes", "no", None, None), FOUR).rate == 0.5


def test_weights_and_not_applicable_items_enter_a_pass_rate() -> None:
    weighted = tuple(replace(each, weight=w) for each, w in zip(FOUR, (3, 1, 1, 1), strict=True))
    assert pass_rate(answers("yes", "no", "not_applicable", "no"), weighted).rate == 0.6
    assert pass_rate(answers("not_applicable", "not_applicable"), FOUR[:2]).rate is None


def test_a_written_checklist_is_reviewed() -> None:
    good = review(["Is it kind?", "Does it rhyme?"])
    assert (good.items, good.faults, good.doubts) == (("Is it kind?", "Does it rhyme?"), (), ())
    poor = review(["Is it kind?", "It is short.", "Is it kind ?", "Is it", "Is it long?"])
    assert poor.items == ("Is it kind?", "Is it long?")
    assert len(poor.faults) == 3
    joint = review(["Is it short and does it rhyme?", "Is it about cats and/or dogs?", "Is it A?"])
    assert len(joint.doubts) == 2
    assert "2 to 8" in review(["Is it kind?"]).faults[0]


def test_a_checklist_with_faults_is_asked_for_once_more() -> None:
    lists = iter(["- It is kind.\n- Is it short?", "- Is it kind?\n- Is it short?"])
    protocol = PROTOCOLS["checklist_writer"]
    course = carried(
        protocol.conduct(fit_for(protocol), protocol.options_class()),
        saying(lambda *_: next(lists)),
    )
    assert course.calls == 2
    assert course.result.texts == ("Is it kind?", "Is it short?")
    assert course.result.doubts == ()


def test_a_checklist_with_an_unknown_item_makes_no_judgment_but_tells_the_rates() -> None:
    def reply(ask: Ask, _: Conversation) -> str:
        return "" if "item-1" in ask.key else "Answer: [[yes]]"

    protocol = PROTOCOLS["checklist"]
    about = subject("Yes.", judgment_type="checklist", criteria=YES_NO)
    verdict = carried(protocol.conduct(about, protocol.options_class()), saying(reply)).result
    assert verdict.payload is None
    assert verdict.cause == "1 items unknown, first place 0, item 1"
    assert verdict.detail["place-0"]["pass_rate"] == 1.0


def test_the_majority_of_several_samples_answers_an_item() -> None:
    said = iter(["Answer: [[yes]]", "Answer: [[no]]", "Answer: [[yes]]"])
    protocol = PROTOCOLS["checklist"]
    about = subject("Yes.", judgment_type="checklist", criteria=YES_NO[:1])
    talk = protocol.conduct(about, protocol.options_class.parse({"samples": 3}))
    verdict = carried(talk, saying(lambda *_: next(said))).result
    assert verdict.payload == {"answers": {"0": {"0": "yes"}}}
    assert verdict.detail["place-0"]["soft"] == pytest.approx(2 / 3)


# --- Refinement -----------------------------------------------------------------------------------


def checker(passes: dict[str, set[int]]) -> Any:
    """Answers checks by which items each text passes, and rewrites v0 to v1 to v2 …"""

    def reply(ask: Ask, messages: Conversation) -> str:
        body = messages[-1].content
        if ask.key.startswith("draft"):
            return "v" + ask.key.rpartition("-")[2]
        text = body.partition("<<<RESPONSE ")[2].splitlines()[1]
        item = int(ask.key.partition("item-")[2].partition("/")[0])
        return f"Answer: [[{'yes' if item in passes[text] else 'no'}]]"

    return saying(reply)


def test_refinement_keeps_the_best_and_not_the_last() -> None:
    passes = {"v0": {0}, "v1": {0, 1}, "v2": {2}}
    course = carried(refine(subject(criteria=YES_NO), YES_NO, rounds=2), checker(passes))
    drafts = course.result
    assert [draft.text for draft in drafts] == ["v0", "v1", "v2"]
    assert drafts[best_of(drafts)].text == "v1"
    assert course.calls == 3 + 3 * 3


def test_refinement_stops_when_everything_is_passed() -> None:
    passes = {"v0": {0}, "v1": {0, 1, 2}}
    drafts = carried(refine(subject(), YES_NO, rounds=5), checker(passes)).result
    assert [draft.text for draft in drafts] == ["v0", "v1"]


def test_only_failed_items_are_given_back() -> None:
    rewrites: list[str] = []
    inner = checker({"v0": {0, 2}, "v1": {0, 1, 2}})

    def watched(ask: Ask, step: Step, messages: Conversation) -> Heard:
        if ask.key == "draft-1":
            rewrites.append(messages[-1].content)
        heard: Heard = inner(ask, step, messages)
        return heard

    carried(refine(subject(), YES_NO, rounds=1), watched)
    assert "- Is it kind? No." in rewrites[0]
    assert "next step" not in rewrites[0]


def test_best_of_n_prefers_the_shorter_of_equals() -> None:
    protocol = PROTOCOLS["checklist_best_of"]
    texts = iter(["long and good", "good", "bad"])

    def reply(ask: Ask, messages: Conversation) -> str:
        if ask.key.startswith("response"):
            return next(texts)
        good = "good" in messages[-1].content.partition("<<<RESPONSE ")[2]
        return "\n".join(f"{n}. [[{'yes' if good else 'no'}]]" for n in (1, 2, 3))

    about = subject(criteria=YES_NO)
    options = protocol.options_class.parse({"responses": 3})
    written = carried(protocol.conduct(about, options), saying(reply)).result
    assert written.texts[written.best] == "good"
    assert written.scores == (1.0, 1.0, 0.0)


def aggregated(ratings: dict[str, int], **options: Any) -> Written:
    """What self-aggregation comes to where responses and the new one are rated so."""
    protocol = PROTOCOLS["self_aggregation"]

    def reply(ask: Ask, messages: Conversation) -> str:
        if ask.key.startswith("response"):
            return f"old {ask.key[-1]}"
        if ask.key == "aggregate":
            return "new"
        told = messages[1].content
        rated = next(text for text in ratings if f">>>\n{text}\n<<<" in told)
        return f"Rating: [[{ratings[rated]}]]"

    chosen = protocol.options_class.parse({"responses": 2, **options})
    result = carried(protocol.conduct(subject(), chosen), saying(reply)).result
    assert isinstance(result, Written)
    return result


def test_what_was_aggregated_is_kept_only_if_nothing_before_it_was_better() -> None:
    for ratings, best in (
        ({"old 0": 5, "old 1": 6, "new": 8}, "new"),
        ({"old 0": 9, "old 1": 6, "new": 8}, "old 0"),
        ({"old 0": 7, "old 1": 7, "new": 7}, "new"),
        ({"old 0": 7, "old 1": 7, "new": 99}, "old 0"),
    ):
        written = aggregated(ratings)
        assert written.texts == ("old 0", "old 1", "new")
        assert written.texts[written.best] == best


def test_ratings_that_cannot_be_read_keep_nothing() -> None:
    written = aggregated({"old 0": 99, "old 1": 99, "new": 99})
    assert (written.texts, written.cause) == ((), "no rating could be read")


def test_samples_are_left_out_whole_where_the_context_is_small() -> None:
    assert shown_of(["aaaa", "bb", "cc"], 6) == ["aaaa", "bb"]
    assert shown_of(["aaaaaaa", "bb", "cc"], 4) == ["bb", "cc"]
    assert shown_of(["aaa", "bb"], 1) == ["bb"]


MANY = tuple(f"Answer {n} ⟦u={u}⟧" for n, u in enumerate((-1.0, 0.5, 2.0, 0.0, 1.0)))


def test_a_tournament_finds_the_best_whatever_place_its_judge_likes() -> None:
    about = subject(*MANY, judgment_type="ranking", best_only=True)
    for bias in (-3.0, 0.0, 3.0):
        course = conduct(PROTOCOLS["self_tournament"], about, scripted(position_bias=bias))
        assert course.result.payload == {"tiers": [[2]], "of": 5}
        assert course.calls == 2 * (5 - 1)


def test_a_tournament_with_an_unread_match_has_no_winner() -> None:
    about = subject(*MANY, judgment_type="ranking")
    course = conduct(PROTOCOLS["self_tournament"], about, scripted(garbage_rate=1.0))
    assert course.result.outcome is Outcome.INVALID


def test_the_response_most_others_agree_with_is_named_in_any_order() -> None:
    texts = ("Ask them first, kindly", "Ask them first, kindly, today", "Call the police")
    for turned in (texts, texts[::-1]):
        about = subject(*turned, judgment_type="ranking", best_only=True)
        course = conduct(PROTOCOLS["universal_consistency"], about, scripted())
        (best,) = course.result.payload["tiers"]
        assert turned[best[0]] != "Call the police"
        assert course.calls == 1


def test_a_number_that_is_no_responses_is_no_verdict() -> None:
    about = subject(*MANY, judgment_type="ranking")
    protocol = PROTOCOLS["universal_consistency"]
    talk = protocol.conduct(about, protocol.options_class.parse({}))
    course = carried(talk, saying(lambda _ask, _messages: "Rating: [[6]]"))
    assert course.result.outcome is Outcome.INVALID


def test_self_correction_as_in_the_reference() -> None:
    assert accuracy_after(0.6, 0.9, 0.2) == pytest.approx(0.62)
    right, mended = self_correction([True, True, False, False], [True, False, True, False])
    assert (right, mended) == (0.5, 0.5)
    assert math.isnan(self_correction([True], [True])[1])


# --- Generative rewards ---------------------------------------------------------------------------

SAMPLES = [(7.0, 5.0), (6.0, 6.0), (4.0, 8.0)]


def test_votes_over_samples_as_in_the_reference() -> None:
    assert vote(SAMPLES) == [17, 19]
    assert vote(SAMPLES, keep=2, meta=[0.9, 0.8, 0.1]) == [13, 11]
    with pytest.raises(ValueError, match="no sample"):
        vote([])


def test_samples_that_agree_with_the_others_have_the_higher_meta_score() -> None:
    found = meta_scores([(7, 5, 3), (8, 6, 2), (9, 4, 1), (1, 5, 9)])
    assert found.index(min(found)) == 3
    assert found[0] == pytest.approx(1.0)


def test_a_sample_with_too_few_scores_is_left_out_and_half_must_be_left() -> None:
    protocol = PROTOCOLS["principled_scores"]
    about = subject()

    def run(*said: str) -> Any:
        replies = dict(enumerate(said))

        def reply(ask: Ask, _: Conversation) -> str:
            return replies[int(ask.key.rpartition("-")[2])]

        options = protocol.options_class.parse({"samples": len(said), "reasks": 0})
        return carried(
            protocol.conduct(about, options), saying(reply), protocol.patience(options)
        ).result

    assert run("Scores: [[8, 8]]", "Scores: [[8]]").payload == {"strength": 0}
    assert run("Scores: [[8, 8]]", "Scores: [[8]]", "no").outcome is Outcome.INVALID


def test_responses_are_shown_in_a_new_order_for_every_sample() -> None:
    protocol = PROTOCOLS["principled_scores"]
    shown: set[bool] = set()

    def reply(_: Ask, messages: Conversation) -> str:
        shown.add(messages[1].content.index(GOOD) < messages[1].content.index(BAD))
        good_first = messages[1].content.index(GOOD) < messages[1].content.index(BAD)
        return "Scores: [[9, 2]]" if good_first else "Scores: [[2, 9]]"

    options = protocol.options_class.parse({"samples": 8})
    verdict = carried(protocol.conduct(subject(), options), saying(reply)).result
    assert shown == {True, False}
    assert verdict.detail["scores"] == [72, 16]


def test_verification_scores_and_costs_as_in_the_reference() -> None:
    def said(value: str | None, p: dict[str, float] | None = None) -> Answer:
        status = ParseStatus.UNPARSABLE if value is None else ParseStatus.OK
        return Answer(status, value, p=p)

    assert cost_of(16, 8) == 144
    assert verified_score([said("yes"), said("no"), said(None)]) == 0.5
    assert verified_score([said(None)]) is None
    assert verified_score([said("no", {"Yes": 0.0, "No": 1.0})]) == 0.0  # a probability, not absent


def test_a_solution_is_chosen_by_the_scores_behind_its_answer() -> None:
    solutions, scores = ["4", "5", "5", None], [0.9, 0.5, 0.6, 1.0]
    assert choose_by_verification(solutions, scores) == 2
    assert choose_by_verification(solutions, scores, weighted=False) == 0
    assert choose_by_verification([None, "1"], [0.9, None]) == 1


def test_the_planner_solves_first_and_verifies_only_far_beyond_the_plateau() -> None:
    small = plan(64, plateau=16)
    assert (small.solutions, small.verifications) == (64, 0)
    large = plan(1024, plateau=16)
    assert large.verifications > 0
    assert large.cost <= 1024
    assert plan(8192, plateau=16).solutions > large.solutions
    with pytest.raises(ValueError, match="at least one"):
        plan(0.5, plateau=4)


def test_p_true_as_in_the_reference() -> None:
    true, false = math.exp(-0.3), math.exp(-1.6)
    assert true / (true + false) == pytest.approx(0.785835, abs=1e-6)
    p = {"True": true / (true + false), "False": false / (true + false)}
    protocol = PROTOCOLS["p_true"]
    verdict = carried(
        protocol.conduct(subject(), protocol.options_class()),
        lambda *_: Heard(decision=Decision(p, true + false)),
    ).result
    assert verdict.detail["scores"] == pytest.approx([0.785835] * 2, abs=1e-6)
    assert verdict.payload == {"strength": 0}


# --- Critiques and confidence ---------------------------------------------------------------------


def test_precision_recall_and_f1_of_a_critique_as_in_the_reference() -> None:
    assert critique_score(3, 4, 2, 5).f1 == pytest.approx(0.521739, abs=1e-6)
    assert critique_score(0, 0, 0, 3).f1 == 0.0
    assert macro([critique_score(1, 1, 1, 1), critique_score(0, 2, 0, 2)]) == (0.5, 0.5, 0.5)
    with pytest.raises(ValueError, match="more claims"):
        critique_score(3, 2, 0, 1)


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("Step 1 is fine. The first wrong step is step 3.", 3),
        ("Step 2 holds. Step 3 contains an error; step 5 is wrong as well.", 3),
        ("Everything holds.", None),
    ],
)
def test_a_critique_is_read_for_the_step_it_blames(text: str, step: int | None) -> None:
    assert first_wrong_step(text) == step


def test_the_utility_of_critiques_is_what_rewriting_gained() -> None:
    assert utility([0.2, 0.5], [0.6, 0.4]) == pytest.approx(0.15)


def test_a_better_critique_wins_by_its_claims() -> None:
    protocol = PROTOCOLS["meta_critique"]
    reference = "The second clause misreads the contract. The notice period is three months."
    about = subject(
        "The second clause misreads the contract. The notice period is three months.",
        "The tone seems friendly throughout.",
        reference=reference,
    )
    course = conduct(protocol, about, scripted(), reference_system="ref")
    assert course.result.payload["strength"] > 0
    assert course.result.detail["claims"]["place-0"] == {"precision": 1.0, "recall": 1.0}
    assert course.result.detail["claims"]["place-1"]["recall"] == 0.0
    none = conduct(protocol, replace(about, reference=""), scripted()).result
    assert none.cause == "no reference critique by reference"


def test_calibration_as_in_the_reference() -> None:
    assert calibration_reward(correct=True, confidence=0.8) == pytest.approx(0.96)
    assert calibration_reward(correct=False, confidence=0.8) == pytest.approx(-0.64)
    votes = weighted_votes([("X", 0.9), ("X", 0.2), ("Y", 0.5), ("Y", 0.4)])
    assert votes == pytest.approx({"X": 1.1, "Y": 0.9})
    assert brier([1.0, 0.0], [True, False]) == 0
    assert calibration_error([0.95, 0.95], [True, False]) == pytest.approx(0.45)
    assert [each.n for each in reliability([0.05, 0.95, 1.0], [False, True, True])] == [1, 2]


# --- Councils -------------------------------------------------------------------------------------


def test_what_a_run_off_cannot_tell_apart_shares_a_tier_wherever_it_was_put() -> None:
    """One juror gives 7, 7, 3, 3: two even finalists, then two even others."""
    protocol = PROTOCOLS["run_off"]
    texts = ("good", "fine", "poor", "weak")
    points = dict(zip(texts, (7, 7, 3, 3), strict=True))
    options = protocol.options_class(jurors=1)  # type: ignore[call-arg]

    def reply(ask: Ask, step: Step, messages: Conversation) -> Heard:
        shown = sorted(texts, key=messages[-1].content.index)
        return Heard(f"Scores: [[{', '.join(str(points[text]) for text in shown)}]]")

    for about in (texts, texts[::-1]):
        asked = Subject("k", "s", (), texts=about, judgment_type="ranking")
        verdict = hold(protocol.conduct(asked, options), reply).result
        assert isinstance(verdict, Verdict)
        assert verdict.payload is not None
        told = [{about[place] for place in tier} for tier in verdict.payload["tiers"]]
        assert told == [{"good", "fine"}, {"poor", "weak"}]


def test_a_run_off_as_in_the_reference() -> None:
    """First votes X 2, Y 2, Z 1; the voter for Z prefers Y, who then wins 3 to 2."""
    x, y, z = (9, 5, 1), (4, 8, 1), (2, 3, 7)
    decided = run_off([x, x, y, y, z])
    assert set(decided.finalists) == {0, 1}
    assert decided.votes == {0: 2, 1: 3}
    assert decided.winner == 1


def test_an_even_split_is_a_tie_and_weights_can_decide_it() -> None:
    assert majority([(1, 1), (-1, 1)]) == 0
    assert majority([(1, 1), (1, 1), (-1, 1)]) == 1
    weights = weights_from_agreement({"a": 0.9, "b": 0.6, "c": 0.5, "d": 0.2, "e": 1.0})
    assert weights["a"] == pytest.approx(math.log(9))
    assert weights["c"] == weights["d"] == 0
    assert weights["e"] == pytest.approx(math.log(19))
    assert majority([(1, weights["a"]), (-1, weights["b"]), (-1, weights["c"])]) == 1


def test_a_juror_does_not_judge_its_own_family() -> None:
    protocol = PROTOCOLS["jury"]
    about = subject(families=("acorn", ""), kin={"judge": "acorn", "juror_2": "", "juror_3": "b"})
    course = conduct(protocol, about, scripted())
    assert course.calls == 4
    assert course.result.detail["left_out"] == ["judge"]
    nobody = replace(about, kin=dict.fromkeys(("judge", "juror_2", "juror_3"), "acorn"))
    assert conduct(protocol, nobody, scripted()).result.outcome is Outcome.INVALID
    assert conduct(protocol, nobody, scripted(), excludes_kin=False).calls == 6


def test_a_jurys_weights_are_refused_where_they_do_not_fit() -> None:
    protocol = PROTOCOLS["jury"]
    for agreement in ("0.5", "a, b, c", "0.5, 0.6, 1.7"):
        with pytest.raises(ValueError, match="share"):
            protocol.check(protocol.options_class.parse({"agreement": agreement}))


def test_perfectly_correlated_personas_are_worth_one() -> None:
    assert effective_size([[1, 0, -1, 1]] * 5) == pytest.approx(1.0)
    assert effective_size([[1, -1, 1, -1], [1, 1, -1, -1]]) == pytest.approx(2.0)
    assert effective_size([[1.0, 1.0]]) == 1.0


def test_a_councils_figures() -> None:
    assert separability([(0, 1), (2, 3), (2.5, 4)]) == pytest.approx(2 / 3)
    assert consistency([(1, 1), (1, -1), (0, 0), (-1, -1)]) == 0.75
    scores = {"a": {"x": 0.9, "y": 0.3}, "b": {"x": 0.5, "y": 0.5}}
    found = affinities(scores)
    assert found["a"]["x"] == pytest.approx(0.15)
    assert found["a"]["x"] == pytest.approx(-found["a"]["y"])
    votes = {"a": {"q": 1, "r": 1}, "b": {"q": 1, "r": -1}, "c": {"q": 1, "r": -1}}
    agreement = agreement_with_majority(votes)
    assert agreement["a"] == 0.5
    assert agreement_with_majority({"a": {"q": 1}})["a"] is None


def test_a_cascade_asks_the_strong_judge_only_where_the_cheap_one_contradicts_itself() -> None:
    protocol = PROTOCOLS["cascade"]
    sure = conduct(protocol, subject(), scripted())
    assert (sure.calls, sure.result.detail["escalated"]) == (2, False)

    def reply(ask: Ask, messages: Conversation) -> str:
        if ask.seat == "judge":
            return "Verdict: [[A>B]]"
        good_first = messages[1].content.index(GOOD) < messages[1].content.index(BAD)
        return f"Verdict: [[{'A>B' if good_first else 'B>A'}]]"

    unsure = carried(protocol.conduct(subject(), protocol.options_class()), saying(reply))
    assert (unsure.calls, unsure.result.detail["escalated"]) == (4, True)
    assert unsure.result.payload == {"strength": 2}


def test_the_cost_line_runs_from_never_to_always() -> None:
    questions = [
        Escalation(0.1, True, True), Escalation(0.4, False, True), Escalation(0.9, False, True)
    ]  # fmt: skip
    line = cost_line(questions, price=10)
    assert (line[0].share, line[0].cost) == (0, 1)
    assert line[0].agreement == pytest.approx(1 / 3)
    assert (line[-1].share, line[-1].cost, line[-1].agreement) == (1, 11, 1)
    assert [point.cost for point in line] == sorted(point.cost for point in line)


def test_personas_are_proposed_read_and_spoken_for() -> None:
    talk = propose(subject(), 3)
    people = carried(talk, by(scripted())).result
    assert [person.name for person in people] == ["Mara", "Jonas", "Edith"]
    spoken = people[0].speak(ASKED)
    assert "Mara" in spoken[0].content
    assert Persona.read("  ") is None
    assert Persona.read("Kim") == Persona("Kim")


# --- Debate and hindsight -------------------------------------------------------------------------


def test_quotes_that_stand_nowhere_are_struck_and_counted() -> None:
    sources = ["Ask them first, then agree on a time.", "Call the police."]
    said = "<quote>ask  them FIRST</quote> and <quote>move away</quote> and <quote> </quote>"
    quoted = verify_quotes(said, sources)
    assert (quoted.verified, quoted.struck) == (1, 2)
    assert quoted.text.count(STRUCK) == 2


def test_a_debate_counts_fabricated_quotes_and_shows_them_struck() -> None:
    protocol = PROTOCOLS["debate"]
    transcripts: list[str] = []

    def reply(ask: Ask, messages: Conversation) -> str:
        if ask.seat == "debater":
            return "They say <quote>I never said this</quote>."
        transcripts.append(messages[1].content)
        good_first = messages[1].content.index(GOOD) < messages[1].content.index(BAD)
        return f"Confidence: 0.8\nVerdict: [[{'A>B' if good_first else 'B>A'}]]"

    options = protocol.options_class.parse({"disputed_only": False})
    verdict = carried(protocol.conduct(subject(), options), saying(reply)).result
    assert verdict.detail["quotes_struck"] == 8
    assert verdict.detail["quotes_verified"] == 0
    assert verdict.confidence == 0.8
    assert all(STRUCK in each and "never said" not in each for each in transcripts)


def test_a_debates_verdict_does_not_depend_on_who_speaks_for_which_side() -> None:
    protocol = PROTOCOLS["debate"]
    way = {"disputed_only": False}
    there = conduct(protocol, subject(GOOD, BAD), scripted(), **way).result
    back = conduct(protocol, subject(BAD, GOOD), scripted(), **way).result
    assert there.payload["strength"] == -back.payload["strength"] > 0
    assert there.detail["quotes_struck"] == 0


def test_agreement_of_both_orders_needs_no_debate() -> None:
    protocol = PROTOCOLS["debate"]
    assert conduct(protocol, subject(), scripted()).calls == 2
    disputed = conduct(protocol, subject(), scripted(position_bias=20.0))
    assert disputed.calls == 2 + 2 * (2 * 2 + 1)
    assert disputed.result.detail["debated"] is True


def test_hindsight_tells_whether_it_changed_the_verdict() -> None:
    protocol = PROTOCOLS["hindsight"]

    def reply(ask: Ask, messages: Conversation) -> str:
        body = messages[1].content
        good_first = body.index(GOOD) < body.index(BAD)
        if ask.seat == "simulator":
            return "It went badly." if GOOD in body else "It went well."
        wins = "A>B" if good_first else "B>A"
        loses = "B>A" if good_first else "A>B"
        return f"Verdict: [[{loses if 'WHAT FOLLOWED' in body else wins}]]"

    def careful(ask: Ask, messages: Conversation) -> str:
        if ask.seat == "simulator":
            return "It went badly." if GOOD in messages[1].content else "It went well."
        return reply(ask, messages)

    verdict = carried(protocol.conduct(subject(), protocol.options_class()), saying(careful)).result
    assert verdict.payload == {"strength": -2}
    assert (verdict.detail["foresight"], verdict.detail["changed"]) == ("first", True)


# --- Position bias --------------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [-2.0, -0.3, 0.0, 0.8, 2.5])
def test_orders_averaged_in_logit_space_cancel_a_planted_position_bias(bias: float) -> None:
    way = {"template": "labelled@1", "reducer": "logit_mean"}
    about = subject(GOOD.replace("u=1", "u=0.2"), BAD.replace("u=-1", "u=-0.1"))
    options = {"tau": 1.0, "tie_share": 0.0}
    protocol = PROTOCOLS["pairwise"]
    fair = conduct(protocol, about, scripted(**options), **way).result
    biased = conduct(protocol, about, scripted(position_bias=bias, **options), **way).result
    assert biased.p_first == pytest.approx(fair.p_first, abs=1e-12)
    assert biased.position_bias == pytest.approx(bias, abs=1e-9)


def test_the_length_rule_is_told_where_it_made_a_tie() -> None:
    protocol = PROTOCOLS["wildbench_reward"]
    about = subject("Long. " * 200, "Short.")

    def reply(_: Ask, messages: Conversation) -> str:
        body = messages[1].content
        return f"Verdict: [[{'A>B' if body.index('Long.') < body.index('Short.') else 'B>A'}]]"

    ruled = carried(protocol.conduct(about, protocol.options_class()), saying(reply)).result
    assert ruled.payload == {"strength": 0}
    assert ruled.detail == {"reward": 0.0, "tied_by_length": 2}
    free = protocol.options_class.parse({"length_limit": -1})
    assert carried(protocol.conduct(about, free), saying(reply)).result.detail["reward"] == 0.5
