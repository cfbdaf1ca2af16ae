"""What every judgment type keeps to, whichever it is. A new type adds its answers to ANSWERS."""

import json
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import pytest

from annotation.catalogue import JUDGMENT_TYPES, template_of
from annotation.errors import InvalidPayload
from annotation.evidence import Comparison, Evidence, Label, Ranking, Rating
from annotation.judgment_types import Asked, AskedCriterion, JudgmentType, WritesText

CRITERIA = (AskedCriterion(0, "Is it polite?"), AskedCriterion(1, "Is it correct?"))
CHECKLIST = {
    "answer-0-0": "yes",
    "answer-0-1": "no",
    "answer-1-0": "not_applicable",
    "answer-1-1": "yes",
}

SCALES = (
    AskedCriterion(0, "How helpful?", kind="scale"),
    AskedCriterion(1, "How sure?", kind="scale", anchors={"low": 0, "high": 100, "step": 0.5}),
)
ENDS = {"0": [1, 5], "1": [0, 100]}
TEXTS = ("Be kind. 👩‍🔬 says so.", "Be kind, and ask them first.")
MARK = {"place": 0, "start": 3, "end": 7, "category": 1, "severity": 2}
SPAN = {"place": 0, "start": 0, "end": 2, "quote": "Be", "category": 0, "severity": 1}


def critique(*problems: dict[str, Any]) -> dict[str, Any]:
    return {"problems": list(problems), "categories": [0, 1], "of": 2}


RATING = {"rating-0-0": "5", "rating-0-1": "100", "rating-1-0": "1", "rating-1-1": "0"}


@dataclass(frozen=True)
class Answers:
    """Form data that a type must take and must refuse, and payloads no form could give."""

    asked: Asked
    valid: list[dict[str, Any]]
    invalid: list[dict[str, Any]]
    forged: list[dict[str, Any]]


ANSWERS = {
    "pairwise": Answers(
        asked=Asked(candidates=2),
        valid=[{"choice": choice} for choice in ("3", "2", "1", "0", "-1", "-2", "-3", "both_bad")],
        invalid=[{}, {"choice": ""}, {"choice": "4"}, {"choice": "A"}],
        forged=[
            {"strength": 4},
            {"strength": "1"},
            {"strength": 1, "winner": 0},
            {"strength": 1, "criteria": {"0": 1}},
        ],
    ),
    "rewrite": Answers(
        asked=Asked(candidates=1, texts=("Be kind.",)),
        valid=[{"text": "Be kind, and say why."}, {"text": "Two\r\nlines."}],
        invalid=[{}, {"text": " \n"}, {"text": "Be kind."}, {"text": " Be  kind.\r\n"}],
        forged=[
            {"text": "", "of": 0},
            {"text": "Be kind.", "of": 0},
            {"text": "Better.", "of": 1},
            {"text": "Better.", "of": 0, "written": 0},
            {"text": "Better.", "of": 0, "author": "ada"},
        ],
    ),
    "critique": Answers(
        asked=Asked(candidates=2, criteria=CRITERIA, texts=TEXTS),
        valid=[
            {"problems": json.dumps([MARK, MARK | {"start": 0, "severity": 1}])},
            {"nothing": "on"},
            {"quote-0": "kind", "response-0": "0", "category-0": "0", "severity-0": "3"},
        ],
        invalid=[
            {},
            {"problems": "so"},
            {"problems": json.dumps([MARK | {"end": 99}])},
            {"problems": json.dumps([MARK | {"note": "no room for notes"}])},
            {"problems": json.dumps([MARK | {"end": 3}])},
            {"problems": json.dumps([MARK | {"category": 2}])},
            {"problems": json.dumps([MARK | {"severity": 4}])},
            {"problems": json.dumps([MARK | {"place": 2}])},
            {"problems": json.dumps([MARK | {"quote": "others"}])},
            {"problems": json.dumps([MARK]), "nothing": "on"},
            {"quote-0": "not there", "response-0": "0", "category-0": "0", "severity-0": "3"},
            {"quote-0": "kind", "response-0": "0"},
        ],
        forged=[
            {"problems": []},
            critique() | {"of": 1},
            critique() | {"categories": [0]},
            critique(MARK),
            critique(SPAN | {"quote": "Bo"}),
            critique(SPAN | {"start": -1}),
            critique(SPAN | {"severity": True}),
        ],
    ),
    "checklist": Answers(
        asked=Asked(candidates=2, criteria=CRITERIA),
        valid=[CHECKLIST],
        invalid=[{}, CHECKLIST | {"answer-0-0": "perhaps"}, {"answer-0-0": "yes"}],
        forged=[
            {"answers": {}},
            {"answers": {"0": {"0": "yes"}, "1": {"0": "yes", "1": "no"}}},
            {"answers": {"0": {"0": "yes", "1": "so"}, "1": {"0": "yes", "1": "no"}}},
            {"answers": {"7": {"0": "yes", "1": "no"}, "1": {"0": "yes", "1": "no"}}},
        ],
    ),
    "rating": Answers(
        asked=Asked(candidates=2, criteria=SCALES),
        valid=[RATING, RATING | {"rating-0-1": "62.5"}],
        invalid=[{}, RATING | {"rating-0-0": "6"}, RATING | {"rating-0-1": "0.3"}],
        forged=[
            {"ratings": {}, "scales": ENDS},
            {"ratings": {"0": {"0": 9, "1": 0}, "1": {"0": 1, "1": 0}}, "scales": ENDS},
            {"ratings": {"0": {"0": 1, "1": 0}, "1": {"0": 1, "1": 0}}, "scales": {}},
            {"ratings": {"0": {"0": True, "1": 0}, "1": {"0": 1, "1": 0}}, "scales": ENDS},
        ],
    ),
    "ranking": Answers(
        asked=Asked(candidates=3),
        valid=[
            {"rank-0": "1", "rank-1": "2", "rank-2": "3"},
            {"rank-0": "2", "rank-1": "1", "rank-2": "2"},
            {"no_order": "on"},
        ],
        invalid=[{}, {"rank-0": "1", "rank-1": "2"}, {"rank-0": "1", "rank-1": "9", "rank-2": "1"}],
        forged=[
            {"tiers": [[0], [1]], "of": 3},
            {"tiers": [[0, 0], [1], [2]], "of": 3},
            {"tiers": [[0], [1], [5]], "of": 3},
            {"tiers": [[0], [], [1, 2]], "of": 3},
            {"tiers": [[0, 1, 2]], "of": 4},
        ],
    ),
}
BEST_OF_THREE = Asked(candidates=3, options={"top": 1})


def named_in(evidence: Evidence) -> set[int]:
    match evidence:
        case Comparison(a, b):
            return {a, b}
        case Ranking(tiers=tiers):
            return {candidate for tier in tiers for candidate in tier}
        case Rating(candidate=candidate) | Label(candidate=candidate):
            return {candidate}


def payloads(judgment_type: JudgmentType, answers: Answers, shown: tuple[int, ...]) -> list[Any]:
    kept = []
    for data in answers.valid:
        form = judgment_type.form_class(data, asked=answers.asked, shown=shown)
        assert form.is_valid(), form.errors
        payload = judgment_type.payload(form.cleaned_data, shown)
        if isinstance(judgment_type, WritesText):
            payload = judgment_type.placed(payload, answers.asked.candidates)
        kept.append(payload)
    return kept


@pytest.fixture(params=sorted(JUDGMENT_TYPES))
def slug(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def judgment_type(slug: str) -> JudgmentType:
    return JUDGMENT_TYPES[slug]


@pytest.fixture
def answers(slug: str) -> Answers:
    assert slug in ANSWERS, f"add answers for the judgment type “{slug}” to this file"
    return ANSWERS[slug]


def test_the_slug_is_the_file_name_and_has_a_template(
    slug: str, judgment_type: JudgmentType
) -> None:
    assert judgment_type.slug == slug
    assert template_of(slug) == f"annotation/judgment_types/{slug}.html"


def test_what_the_form_gives_passes_the_types_own_check(
    judgment_type: JudgmentType, answers: Answers
) -> None:
    for shown in permutations(range(answers.asked.candidates)):
        for payload in payloads(judgment_type, answers, shown):
            judgment_type.check(payload, answers.asked)


def test_an_invalid_form_says_why_in_a_sentence(
    judgment_type: JudgmentType, answers: Answers
) -> None:
    shown = tuple(range(answers.asked.candidates))
    for data in answers.invalid:
        form = judgment_type.form_class(data, asked=answers.asked, shown=shown)
        assert not form.is_valid(), data
        sentences = [str(text) for texts in form.errors.values() for text in texts]
        assert all(sentence.endswith(".") for sentence in sentences)


def test_a_forged_payload_is_refused(judgment_type: JudgmentType, answers: Answers) -> None:
    for payload in answers.forged:
        with pytest.raises(InvalidPayload):
            judgment_type.check(payload, answers.asked)


def test_evidence_names_only_candidates_that_were_shown_or_written(
    judgment_type: JudgmentType, answers: Answers
) -> None:
    written = isinstance(judgment_type, WritesText)
    names = [100 + position for position in range(answers.asked.candidates + written)]
    for payload in payloads(judgment_type, answers, tuple(range(answers.asked.candidates))):
        evidence = judgment_type.evidence(payload, names)
        assert evidence
        assert set().union(*map(named_in, evidence)) <= set(names)


def test_swapping_the_shown_order_mirrors_the_evidence(
    judgment_type: JudgmentType, answers: Answers
) -> None:
    """The same clicks on swapped sides say the same of the other candidate."""
    count = answers.asked.candidates
    straight, swapped = tuple(range(count)), tuple(reversed(range(count)))
    for one, other in zip(
        payloads(judgment_type, answers, straight),
        payloads(judgment_type, answers, swapped),
        strict=True,
    ):
        names, written = list(range(count)), [count]
        mirrored = judgment_type.evidence(other, names[::-1] + written)
        names += written
        assert _canonical(judgment_type.evidence(one, names)) == _canonical(mirrored)


def _canonical(evidence: list[Evidence]) -> list[str]:
    """A form in which a comparison reads the same from both ends."""

    def turned(item: Evidence) -> Evidence:
        if isinstance(item, Comparison) and item.a > item.b:
            return Comparison(item.b, item.a, -item.strength, item.tie_kind)
        if isinstance(item, Ranking):
            return Ranking(tuple(tuple(sorted(t)) for t in item.tiers), tuple(sorted(item.shown)))
        return item

    return sorted(repr(turned(item)) for item in evidence)


def test_reopening_an_answer_shows_what_was_given(
    judgment_type: JudgmentType, answers: Answers
) -> None:
    for shown in permutations(range(answers.asked.candidates)):
        for payload in payloads(judgment_type, answers, shown):
            data = judgment_type.form_data(payload, shown)
            form = judgment_type.form_class(data, asked=answers.asked, shown=shown)
            assert form.is_valid(), form.errors
            again = judgment_type.payload(form.cleaned_data, shown)
            assert again == {name: payload[name] for name in payload if name != "written"}


def test_best_of_n_is_a_ranking_with_one_named_and_all_shown() -> None:
    best = JUDGMENT_TYPES["ranking"]
    form = best.form_class({"best": "2"}, asked=BEST_OF_THREE, shown=(2, 0, 1))
    assert form.is_valid(), form.errors
    payload = best.payload(form.cleaned_data, (2, 0, 1))
    best.check(payload, BEST_OF_THREE)
    assert best.evidence(payload, [10, 11, 12]) == [Ranking(((11,),), (10, 11, 12))]
    assert best.form_data(payload, (2, 0, 1)) == {"best": "2"}
    with pytest.raises(InvalidPayload):
        best.check({"tiers": [[0], [1]], "of": 3}, BEST_OF_THREE)


def test_criteria_beside_a_preference_are_kept_and_turned_with_the_sides() -> None:
    pairwise = JUDGMENT_TYPES["pairwise"]
    asked = Asked(candidates=2, criteria=CRITERIA)
    data = {"choice": "2", "criterion-0": "a", "criterion-1": "same"}
    form = pairwise.form_class(data, asked=asked, shown=(1, 0))
    assert form.is_valid(), form.errors
    payload = pairwise.payload(form.cleaned_data, (1, 0))
    assert payload == {"strength": -2, "criteria": {"0": -1, "1": 0}}
    pairwise.check(payload, asked)
    assert pairwise.form_data(payload, (1, 0)) == data
    assert pairwise.evidence(payload, [0, 1]) == pairwise.evidence({"strength": -2}, [0, 1])
    with pytest.raises(InvalidPayload):
        pairwise.check(payload | {"criteria": {"0": 2}}, asked)


def test_a_rewrite_is_better_than_what_it_rewrites() -> None:
    rewrite = JUDGMENT_TYPES["rewrite"]
    payload = {"text": "Better.", "of": 0, "written": 3}
    assert rewrite.evidence(payload, [10, 11, 12, 13]) == [Comparison(13, 10, 2)]


def test_a_critique_rates_how_free_of_each_kind_of_problem_a_response_is() -> None:
    kind = JUDGMENT_TYPES["critique"]
    severe = SPAN | {"severity": 3, "end": 7, "quote": "Be kind"}
    payload = critique(SPAN, severe)
    kind.check(payload, ANSWERS["critique"].asked)
    assert kind.evidence(payload, [10, 11]) == [
        Rating(10, 0, 0, 0, 3),
        Rating(10, 1, 3, 0, 3),
        Rating(11, 0, 3, 0, 3),
        Rating(11, 1, 3, 0, 3),
    ]


def test_marks_count_characters_as_people_who_read_the_export_do() -> None:
    """The scientist is three code points, in a browser's own strings five."""
    form = JUDGMENT_TYPES["critique"].form_class(
        {"problems": json.dumps([MARK | {"start": 13, "end": 17}])},
        asked=ANSWERS["critique"].asked,
        shown=(0, 1),
    )
    assert form.is_valid(), form.errors
    assert form.cleaned_data["found"][0]["quote"] == "says"
