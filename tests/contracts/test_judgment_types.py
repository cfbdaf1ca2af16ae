"""What every judgment type keeps to, whichever it is. A new type adds its answers to ANSWERS."""

from dataclasses import dataclass
from itertools import permutations
from typing import Any

import pytest

from annotation.catalogue import JUDGMENT_TYPES, template_of
from annotation.errors import InvalidPayload
from annotation.evidence import Comparison, Evidence, Label, Ranking, Rating
from annotation.judgment_types import Asked, AskedCriterion, JudgmentType

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
        forged=[{"strength": 4}, {"strength": "1"}, {"strength": 1, "winner": 0}],
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
        kept.append(judgment_type.payload(form.cleaned_data, shown))
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


def test_evidence_names_only_candidates_that_were_shown(
    judgment_type: JudgmentType, answers: Answers
) -> None:
    names = [100 + position for position in range(answers.asked.candidates)]
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
        names = list(range(count))
        mirrored = judgment_type.evidence(other, names[::-1])
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
            assert judgment_type.payload(form.cleaned_data, shown) == payload


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
