"""Importing: what rows become, what is refused, and that twice is once."""

import json
from pathlib import Path
from typing import Any

import pytest

from annotation.catalogue import JUDGMENT_TYPES
from annotation.content import add_candidate, add_prompt
from annotation.intake.importing import import_rows, run_import
from annotation.intake.refusals import BadMapping, ImportRefused
from annotation.intake.reports import ImportReport, Progress
from annotation.models import (
    Annotator,
    Candidate,
    Criterion,
    Judgment,
    Profile,
    Project,
    Prompt,
    Question,
    QuestionState,
    Rubric,
    System,
)
from annotation.questions import ask_each, ask_pairs
from annotation.rendering import render_markdown, render_messages
from annotation.submission import asked_by
from tests.cast import make_project

pytestmark = pytest.mark.django_db

Rows = list[dict[str, Any]]

PAIR = {
    "pair_id": "q1",
    "prompt_id": "p1",
    "prompt_text": "Umbrella or *coat*?",
    "response_a": "**Umbrella.**",
    "system_a": "alpha",
    "response_b": "Coat.",
    "system_b": "beta",
}


@pytest.fixture
def project(db: None) -> Project:
    return make_project("imported", overlap=2)


@pytest.fixture
def asked(project: Project) -> Project:
    """A project with the question q1: alpha's umbrella (place 0) against beta's coat."""
    import_rows(project, "pairs", [PAIR])
    return project


def refused(project: Project, kind: str, rows: Rows, **options: Any) -> list[str]:
    """The flaws of an import that must write nothing."""
    before = counts()
    with pytest.raises(ImportRefused) as refusal:
        import_rows(project, kind, rows, **options)
    assert counts() == before
    assert "nothing was written" in str(refusal.value)
    return [str(flaw) for flaw in refusal.value.report.flaws]


def counts() -> dict[str, int]:
    nouns = (Prompt, System, Candidate, Question, Rubric, Criterion, Annotator, Profile, Judgment)
    return {noun.__name__: noun._default_manager.count() for noun in nouns}


def vote(**fields: Any) -> dict[str, Any]:
    return {"question_id": "q1", "annotator": "w1", "winner": "a", **fields}


def payloads() -> list[dict[str, Any]]:
    return list(Judgment.objects.order_by("position").values_list("payload", flat=True))


# --- Prompts and candidates ---------------------------------------------------------------------


def test_prompts_are_texts_or_conversations(project: Project) -> None:
    talk = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "Why?"},
    ]
    rows: Rows = [
        {"prompt_id": "p1", "prompt_text": "Why?"},
        {"prompt_id": "p2", "messages": talk},
        {"prompt_id": "p3", "messages": json.dumps(talk[:1]), "system_message": "Be brief."},
        {"prompt_text": "No id."},
    ]
    report = import_rows(project, "prompts", rows)
    assert report.created == {"prompts": 4}
    kept = {prompt.external_id: prompt for prompt in Prompt.objects.all()}
    assert kept["p1"].messages == [{"role": "user", "content": "Why?"}]
    assert kept["p2"].messages == talk
    assert kept["p3"].messages[0] == {"role": "system", "content": "Be brief."}
    assert all(prompt.html == render_messages(prompt.messages) for prompt in kept.values())
    again = import_rows(project, "prompts", rows)
    assert (again.created, again.unchanged) == ({"prompts": 0}, {"prompts": 4})


def test_a_prompt_from_a_file_and_from_code_is_the_same(project: Project) -> None:
    import_rows(project, "prompts", [{"prompt_text": "Why?"}])
    assert add_prompt(project=project, messages="Why?") == Prompt.objects.get()
    import_rows(
        project, "candidates", [{"prompt_text": "Why?", "response": "So.", "system": "alpha"}]
    )
    made = add_candidate(prompt=Prompt.objects.get(), text="So.", system="alpha")
    assert made == Candidate.objects.get()


def test_candidates_bring_their_prompt_or_name_it(project: Project) -> None:
    rows: Rows = [
        {"prompt_id": "p1", "prompt_text": "Why?", "response": "So.", "system": "alpha"},
        {"prompt_id": "p1", "response": "", "system": "beta", "family": "greek"},
        {"prompt_id": "p1", "response": "So.", "candidate_id": "mine"},
    ]
    report = import_rows(project, "candidates", rows)
    assert report.created == {"prompts": 1, "systems": 2, "candidates": 3}
    assert System.objects.get(name="beta").family == "greek"
    assert Candidate.objects.get(system__name="alpha").html == render_markdown("So.")
    assert Candidate.objects.get(external_id="mine").system is None
    assert Candidate.objects.get(system__name="beta").text == ""
    assert not any(import_rows(project, "candidates", rows).created.values())


def test_an_id_is_never_given_another_content(project: Project) -> None:
    import_rows(project, "prompts", [{"prompt_id": "p1", "prompt_text": "Why?"}])
    [flaw] = refused(project, "prompts", [{"prompt_id": "p1", "prompt_text": "How?"}])
    assert flaw.startswith("line 1, prompt_text: prompt “p1” is already in this project")
    row = {"prompt_id": "p1", "candidate_id": "c1", "response": "So.", "system": "alpha"}
    import_rows(project, "candidates", [row])
    for change in ({"response": "No."}, {"system": "beta"}):
        [flaw] = refused(project, "candidates", [{**row, **change}])
        assert "“c1” is already in this project with another text or system" in flaw


def test_an_id_told_twice_in_a_file_is_a_flaw(project: Project) -> None:
    rows = [{"prompt_id": "p1", "prompt_text": text} for text in ("Why?", "Why?", "How?")]
    flaws = refused(project, "prompts", rows)
    assert flaws == [
        "line 2, prompt_id: “p1” is already the id of line 1",
        "line 3, prompt_id: “p1” is already the id of line 1",
    ]
    answer = {"prompt_text": "Why?", "response": "So.", "system": "alpha"}
    [flaw] = refused(project, "candidates", [answer, answer])
    assert flaw.startswith("line 2, candidate_id: the same response is already on line 1")


@pytest.mark.parametrize("twin", ["P1", "p 1", "Ｐ1"])
def test_ids_that_only_look_alike_are_refused_unless_allowed(project: Project, twin: str) -> None:
    rows = [{"prompt_id": id, "prompt_text": f"{id}?"} for id in ("p1", twin)]
    [flaw] = refused(project, "prompts", rows)
    assert f"“{twin}” differs from “p1” only by capitals or spaces" in flaw
    assert import_rows(project, "prompts", rows, allow_similar_ids=True).created["prompts"] == 2


def test_an_id_that_looks_like_one_already_there_is_refused(project: Project) -> None:
    import_rows(project, "prompts", [{"prompt_id": "p1", "prompt_text": "Why?"}])
    [flaw] = refused(project, "prompts", [{"prompt_id": "P1", "prompt_text": "How?"}])
    assert "“P1” differs from “p1”" in flaw
    [flaw] = refused(
        project,
        "candidates",
        [
            {"prompt_id": "p1", "response": "a", "system": "GPT 4"},
            {"prompt_id": "p1", "response": "b", "system": "gpt 4"},
        ],
    )
    assert "system" in flaw


def test_a_prompt_that_is_nowhere_is_told(project: Project) -> None:
    [flaw] = refused(project, "candidates", [{"prompt_id": "p9", "response": "So."}])
    assert flaw == (
        "line 1, prompt_id: prompt “p9” is not in this project. "
        "Import the prompts first, or add their text"
    )


def test_two_projects_keep_their_ids_apart(project: Project) -> None:
    other = make_project("other")
    for place in (project, other):
        import_rows(place, "pairs", [PAIR])
        import_rows(place, "judgments", [vote()])
    assert [Judgment.objects.filter(question__project=p).count() for p in (project, other)] == [
        1,
        1,
    ]


# --- Pairs --------------------------------------------------------------------------------------


def test_a_pair_becomes_a_question_with_its_places(asked: Project) -> None:
    question = Question.objects.get(external_id="q1")
    placed = question.placements.select_related("candidate__system").order_by("position")
    assert [(p.position, p.candidate.text, str(p.candidate.system)) for p in placed] == [
        (0, "**Umbrella.**", "alpha"),
        (1, "Coat.", "beta"),
    ]
    assert (question.state, question.overlap, question.judgment_type) == ("open", 2, "pairwise")
    assert "<em>coat</em>" in question.prompt.html
    assert "<strong>Umbrella.</strong>" in placed[0].candidate.html


def test_a_pair_without_an_id_is_the_same_either_way_round(project: Project) -> None:
    row = {name: value for name, value in PAIR.items() if name != "pair_id"}
    turned = {
        **row,
        **{f"{name}_a": row[f"{name}_b"] for name in ("response", "system")},
        **{f"{name}_b": row[f"{name}_a"] for name in ("response", "system")},
    }
    import_rows(project, "pairs", [row])
    assert import_rows(project, "pairs", [turned]).unchanged["questions"] == 1
    flaws = refused(make_project("twice"), "pairs", [row, turned])
    assert "is already the question of line 1" in flaws[0]


def test_a_pair_s_id_is_never_given_to_another_pair(asked: Project) -> None:
    swapped = {**PAIR, "response_a": "Coat.", "system_a": "beta", "response_b": "x"}
    [flaw] = refused(asked, "pairs", [swapped])
    assert "“q1” is already in this project with another prompt or other responses" in flaw


def test_a_pair_with_one_response_on_both_sides_is_told(project: Project) -> None:
    row = {"prompt_text": "Why?", "response_a": "So.", "response_b": "So."}
    [flaw] = refused(project, "pairs", [row])
    assert "is the same response as response_a: there is nothing to choose" in flaw


def test_nobody_is_asked_to_choose_between_two_systems_that_answered_alike(
    project: Project,
) -> None:
    report = import_rows(project, "pairs", [{**PAIR, "response_b": PAIR["response_a"]}])
    assert Question.objects.get().state == QuestionState.WITHDRAWN
    assert "1 question shows identical responses" in report.notes[0]


def test_overlap_and_priority_may_come_from_the_file(project: Project) -> None:
    import_rows(project, "pairs", [{**PAIR, "overlap": "5", "priority": 1.5}])
    question = Question.objects.get()
    assert (question.overlap, question.priority) == (5, 1.5)
    [flaw] = refused(make_project("zero"), "pairs", [{**PAIR, "overlap": 0}])
    assert flaw.startswith("line 1, overlap: must be a number from 1")


# --- Judgments ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "payload"),
    [
        ({"winner": "a"}, {"strength": 1}),
        ({"winner": "y"}, {"strength": -1}),
        ({"winner": "tie"}, {"strength": 0}),
        ({"winner": "both_bad"}, {"strength": 0, "both_bad": True}),
        ({"winner": "beta", "system_a": "alpha", "system_b": "beta"}, {"strength": -1}),
        ({"winner": None, "strength": "-3"}, {"strength": -3}),
        ({"winner": "b", "strength": 2}, {"strength": -2}),
        ({"winner": "b", "strength": -2}, {"strength": -2}),
        ({"winner": "a", "system_a": "beta", "system_b": "alpha"}, {"strength": -1}),
        ({"winner": "a", "system_a": "beta"}, {"strength": -1}),
        ({"winner": "tie", "system_a": "beta", "system_b": "alpha"}, {"strength": 0}),
    ],
)
def test_a_verdict_is_kept_in_placement_positions(
    asked: Project, told: dict[str, Any], payload: dict[str, Any]
) -> None:
    import_rows(asked, "judgments", [vote(**told)])
    assert payloads() == [payload]
    judgment = Judgment.objects.get()
    JUDGMENT_TYPES["pairwise"].check(judgment.payload, asked_by(judgment.question))
    assert not any(import_rows(asked, "judgments", [vote(**told)]).created.values())


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"question_id": "q9"}, "there is no question “q9” in this project"),
        ({"question_id": ""}, "question_id: is empty"),
        ({"annotator": " "}, "annotator: is empty"),
        ({"winner": ""}, "winner: is empty"),
        ({"winner": "a", "strength": -2}, "strength: is -2 (B better), but the winner is “a”"),
        ({"winner": "tie", "strength": 1}, "strength: is 1, but the winner is “tie”"),
        ({"winner": None, "strength": 4}, "strength: must be a number from -3 to 3"),
        ({"prompt_id": "p2"}, "is “p2”, but question “q1” is about prompt “p1”"),
        (
            {"system_a": "alpha", "system_b": "gamma"},
            "question “q1” compares alpha with beta, not alpha with gamma",
        ),
        ({"confidence": 80}, "confidence: must be a number from 0 to 1"),
        ({"elapsed_ms": -1}, "elapsed_ms: must be a number from 0"),
        ({"annotator_kind": "dog"}, "annotator_kind: must be person, model or simulated"),
        ({"judged_at": "soon"}, "judged_at: must be a time"),
        ({"attributes": "{"}, "attributes: must be a JSON object"),
        ({"mood": "fine"}, "mood: is no field. The fields are: question_id, judgment_id"),
    ],
)
def test_a_bad_judgment_is_told_by_line_field_and_reason(
    asked: Project, told: dict[str, Any], reason: str
) -> None:
    [flaw] = refused(asked, "judgments", [vote(annotator="w0"), vote(**told)])
    assert flaw.startswith("line 2")
    assert reason in flaw


def test_everything_told_about_a_judgment_is_kept(asked: Project) -> None:
    import_rows(
        asked,
        "judgments",
        [
            vote(
                annotator_kind="simulated",
                annotator_name="Simulation 1",
                attributes={"age": "30-39"},
                reason="It rains.",
                confidence="0.75",
                elapsed_ms=1200,
                judged_at="2026-05-31T14:00:00+02:00",
                swapped="yes",
            )
        ],
    )
    judgment = Judgment.objects.get()
    assert (judgment.reason, judgment.confidence, judgment.elapsed_ms) == ("It rains.", 0.75, 1200)
    assert judgment.created_at.isoformat() == "2026-05-31T12:00:00+00:00"
    assert (judgment.source, judgment.standing) == ("import", "counted")
    assert judgment.shown_order == [1, 0]
    assert (judgment.annotator.kind, str(judgment.annotator)) == ("simulated", "Simulation 1")
    assert judgment.profile is not None
    assert judgment.profile.attributes == {"age": "30-39"}


def test_what_was_shown_follows_the_question_s_places(asked: Project) -> None:
    turned = {"system_a": "beta", "system_b": "alpha"}
    rows = [
        vote(annotator="w1", swapped="no"),
        vote(annotator="w2", swapped="yes", **turned),
        vote(annotator="w3", swapped="no", **turned),
        vote(annotator="w4"),
    ]
    import_rows(asked, "judgments", rows)
    shown = Judgment.objects.order_by("position").values_list("shown_order", flat=True)
    assert list(shown) == [[0, 1], [0, 1], [1, 0], None]


def test_a_group_that_changed_later_leaves_earlier_votes_alone(asked: Project) -> None:
    import_rows(asked, "pairs", [{**PAIR, "pair_id": "q2"}])
    import_rows(asked, "judgments", [vote(attributes={"camp": "dry"})])
    import_rows(asked, "judgments", [vote(question_id="q2", attributes={"camp": "wet"})])
    told = Judgment.objects.order_by("position").values_list("profile__attributes", flat=True)
    assert list(told) == [{"camp": "dry"}, {"camp": "wet"}]
    assert list(Profile.objects.values_list("version", flat=True)) == [1, 2]


def test_one_annotator_is_one_thing_within_a_file(asked: Project) -> None:
    import_rows(asked, "pairs", [{**PAIR, "pair_id": "q2"}])
    rows = [vote(annotator_kind="model"), vote(question_id="q2", annotator_kind="person")]
    [flaw] = refused(asked, "judgments", rows)
    assert "“w1” is a person here and a model on line 1" in flaw
    rows = [vote(attributes={"a": 1}), vote(question_id="q2", attributes={"a": 2})]
    [flaw] = refused(asked, "judgments", rows)
    assert "“w1” has other attributes than on line 1" in flaw
    [flaw] = refused(asked, "judgments", [vote(), vote(question_id="q2", annotator="W1")])
    assert "“W1” differs from “w1”" in flaw


def test_a_model_stays_a_model(asked: Project) -> None:
    import_rows(asked, "judgments", [vote(annotator="judge", annotator_kind="llm")])
    import_rows(asked, "pairs", [{**PAIR, "pair_id": "q2"}])
    [flaw] = refused(
        asked, "judgments", [vote(question_id="q2", annotator="judge", annotator_kind="human")]
    )
    assert "already in this project as a model" in flaw
    import_rows(asked, "judgments", [vote(question_id="q2", annotator="judge")])
    assert Annotator.objects.get().kind == "model"


def test_a_judgment_is_never_overwritten(asked: Project) -> None:
    import_rows(asked, "judgments", [vote(reason="It rains.")])
    for change in ({"winner": "b"}, {"reason": "It snows."}, {"confidence": 0.5}):
        [flaw] = refused(asked, "judgments", [vote(**{"reason": "It rains.", **change})])
        assert "imported before with another content" in flaw
    assert payloads() == [{"strength": 1}]


def test_two_judgments_of_one_pair_need_ids_of_their_own(asked: Project) -> None:
    [flaw] = refused(asked, "judgments", [vote(), vote(winner="b")])
    assert "already judged this question on line 1" in flaw
    rows = [vote(judgment_id="j1"), vote(judgment_id="j2", winner="b")]
    assert import_rows(asked, "judgments", rows).created["judgments"] == 2
    assert import_rows(asked, "judgments", rows).unchanged["judgments"] == 2
    [flaw] = refused(asked, "judgments", [vote(judgment_id="j3"), vote(judgment_id="j3")])
    assert flaw.startswith("line 2, judgment_id")


def test_a_self_contained_row_brings_its_question_along(project: Project) -> None:
    row = {name: value for name, value in PAIR.items() if name not in ("pair_id", "prompt_id")}
    turned = {
        **row,
        **{f"{name}_a": row[f"{name}_b"] for name in ("response", "system")},
        **{f"{name}_b": row[f"{name}_a"] for name in ("response", "system")},
    }
    rows: Rows = [
        {**row, "annotator": "w1", "winner": "a"},
        {**turned, "annotator": "w2", "winner": "a"},
        {**row, "annotator": "w3", "winner": "beta"},
    ]
    report = import_rows(project, "judgments", rows)
    assert report.created["questions"] == 1
    assert (report.created["prompts"], report.created["candidates"]) == (1, 2)
    first = Question.objects.get().placements.order_by("position")[0].candidate
    preferred = [
        "alpha" if (payload["strength"] > 0) == (str(first.system) == "alpha") else "beta"
        for payload in payloads()
    ]
    assert preferred == ["alpha", "beta", "beta"]
    assert not any(import_rows(project, "judgments", rows).created.values())


def test_a_self_contained_row_may_name_a_question_that_is_there(asked: Project) -> None:
    turned = {
        "question_id": "q1",
        "prompt_id": "p1",
        "prompt_text": PAIR["prompt_text"],
        "response_a": PAIR["response_b"],
        "system_a": "beta",
        "response_b": PAIR["response_a"],
        "system_b": "alpha",
    }
    import_rows(asked, "judgments", [{**turned, "annotator": "w1", "winner": "a"}])
    assert payloads() == [{"strength": -1}]
    assert Question.objects.count() == 1


def test_chosen_and_rejected_are_a_constant_away(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "hh.jsonl"
    prompt = [{"role": "user", "content": "Why?"}]
    row = {
        "prompt": prompt,
        "chosen": [*prompt, {"role": "assistant", "content": "So."}],
        "rejected": [*prompt, {"role": "assistant", "content": "No."}],
    }
    path.write_text(json.dumps(row) + "\n")
    mapping = {
        "response_a": "chosen",
        "response_b": "rejected",
        "winner": "=a",
        "annotator": "=hh",
    }
    run_import(project, path, "judgments", mapping)
    judgment = Judgment.objects.get()
    [winner] = [
        placement.candidate.text
        for placement in judgment.question.placements.all()
        if (placement.position == 0) == (judgment.payload["strength"] > 0)
    ]
    assert winner == "So."


def test_a_question_is_answered_when_enough_people_have_judged_it(asked: Project) -> None:
    import_rows(asked, "judgments", [vote(annotator="w1")])
    import_rows(asked, "judgments", [vote(annotator="gpt", annotator_kind="model")])
    assert Question.objects.get().state == QuestionState.OPEN
    report = import_rows(asked, "judgments", [vote(annotator=f"w{n}") for n in (2, 3)])
    assert Question.objects.get().state == QuestionState.ANSWERED
    assert report.created["questions answered"] == 1
    assert set(Judgment.objects.values_list("standing", flat=True)) == {"counted"}


# --- Checklists ---------------------------------------------------------------------------------

CRITERIA: Rows = [
    {"prompt_id": "p1", "criterion_id": "dry", "text": "Does it keep you dry?"},
    {"prompt_id": "p1", "criterion_id": "light", "text": "Is it light?", "weight": 2},
]


@pytest.fixture
def listed(asked: Project) -> Project:
    """The project of `asked`, with a checklist for p1 and a question about each response."""
    import_rows(asked, "criteria", CRITERIA)
    ask_each(project=asked, judgment_type="checklist")
    return asked


def answers(**fields: Any) -> Rows:
    candidate = Candidate.objects.get(system__name="alpha").external_id
    row = {"prompt_id": "p1", "candidate_id": candidate, "annotator": "w1", **fields}
    return [{**row, "criterion": "dry", "answer": "yes"}, {**row, "criterion": "1", "answer": 0}]


def test_criteria_make_a_checklist_in_the_order_of_the_file(asked: Project) -> None:
    report = import_rows(asked, "criteria", CRITERIA)
    assert report.created == {"checklists": 1, "criteria": 2}
    told = Criterion.objects.order_by("position").values_list("external_id", "weight", "kind")
    assert list(told) == [("dry", 1.0, "yes_no"), ("light", 2.0, "yes_no")]
    assert Rubric.objects.get().prompt == Prompt.objects.get()
    assert not any(import_rows(asked, "criteria", CRITERIA).created.values())


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt_id": "p9", "text": "?"}, "prompt “p9” is not in this project"),
        ({"prompt_id": "p1", "text": " "}, "text: is empty"),
        ({"prompt_id": "p1", "text": "?", "criterion_kind": "stars"}, "yes_no or scale"),
        ({"prompt_id": "p1", "text": "?", "weight": -1}, "weight: must be a number of at least 0"),
        ({"prompt_id": "p1", "text": "?", "criterion_id": "dry"}, "“dry” is already the id"),
        ({"prompt_id": "p1", "text": "?", "position": 0}, "not for every criterion"),
    ],
)
def test_a_bad_criterion_is_told(asked: Project, row: dict[str, Any], reason: str) -> None:
    flaws = refused(asked, "criteria", [CRITERIA[0], row])
    assert all(flaw.startswith("line 2") for flaw in flaws)
    assert reason in "; ".join(flaws)


def test_a_changed_checklist_needs_a_new_version(listed: Project) -> None:
    changed = [CRITERIA[0], {**CRITERIA[1], "text": "Is it cheap?"}]
    for rows in (changed, CRITERIA[:1], [*CRITERIA, {"prompt_id": "p1", "text": "Blue?"}]):
        [flaw] = refused(listed, "criteria", rows)
        assert "already in this project with other criteria" in flaw
    newer = [{**row, "version": 2} for row in changed]
    assert import_rows(listed, "criteria", newer).created["checklists"] == 1


def test_answers_by_id_position_or_text_make_one_judgment(listed: Project) -> None:
    rows = answers()
    rows[1]["criterion"] = "Is it light?"
    report = import_rows(listed, "checklist_answers", rows)
    assert report.created["judgments"] == 1
    [payload] = payloads()
    assert payload == {"answers": {"0": {"0": "yes", "1": "no"}}}
    judgment = Judgment.objects.get()
    JUDGMENT_TYPES["checklist"].check(payload, asked_by(judgment.question))
    assert judgment.judgment_type == "checklist"
    assert report.created.get("questions", 0) == 0
    assert not any(import_rows(listed, "checklist_answers", rows).created.values())


def test_answers_ask_their_question_if_nobody_has(asked: Project) -> None:
    import_rows(asked, "criteria", CRITERIA)
    report = import_rows(asked, "checklist_answers", answers())
    assert (report.created["questions"], report.created["judgments"]) == (1, 1)
    assert Rubric.objects.get().frozen_at is not None
    assert ask_each(project=asked, judgment_type="checklist").already_there == 1


def test_incomplete_answers_are_told_with_what_is_missing(listed: Project) -> None:
    [flaw] = refused(listed, "checklist_answers", answers()[:1])
    assert "“w1” answers 1 of 2 criteria" in flaw
    assert "missing: Is it light?" in flaw


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"criterion": "warm"}, "has no criterion “warm”"),
        ({"answer": "perhaps"}, "must be yes, no or n/a"),
        ({"criterion": "dry"}, "has already answered this on line 1"),
        ({"candidate_id": "nobody"}, "has no response “nobody”"),
        ({"prompt_id": "", "candidate_id": ""}, "is empty; give it, or prompt_id and"),
    ],
)
def test_a_bad_answer_is_told(listed: Project, change: dict[str, Any], reason: str) -> None:
    first, second = answers()
    flaws = refused(listed, "checklist_answers", [first, {**second, **change}])
    assert any(flaw.startswith("line 2") and reason in flaw for flaw in flaws)


def test_a_pairwise_question_takes_no_answers_and_a_checklist_no_winner(listed: Project) -> None:
    [flaw] = refused(
        listed,
        "checklist_answers",
        [{"question_id": "q1", "annotator": "w1", "criterion": "dry", "answer": "yes"}],
    )
    assert "asks for a pairwise, not for a checklist" in flaw
    checklist = Question.objects.filter(judgment_type="checklist").first()
    assert checklist is not None
    [flaw] = refused(listed, "judgments", [vote(question_id=checklist.external_id)])
    assert "asks for a checklist, not for a choice" in flaw


# --- All or nothing -----------------------------------------------------------------------------


def test_every_bad_line_is_reported_and_the_file_names_them_all(
    asked: Project, tmp_path: Path
) -> None:
    path = tmp_path / "votes.csv"
    lines = ["pair,who,winner"]
    for number in range(400):
        lines.append(f"q1,w{number},a")
        lines.append([f"q1,v{number},zzz", f"q9,v{number},a", f"q1,v{number}"][number % 3])
    path.write_text("\n".join(lines) + "\n")
    before = counts()
    with pytest.raises(ImportRefused) as refusal:
        run_import(asked, path, "judgments", {"annotator": "who"})
    report = refusal.value.report
    assert counts() == before
    assert (report.rows, report.bad_rows, len(report.flaws)) == (800, 400, 50)
    assert report.flaws_file is not None
    told = report.flaws_file.read_text().splitlines()
    assert told[0] == "line,column,reason"
    assert [int(line.split(",")[0]) for line in told[1:]] == list(range(3, 803, 2))
    assert told[2].startswith('5,pair,"there is no question “q9”')
    assert report.flaws_file.stat().st_mode & 0o077 == 0


def test_a_rehearsal_writes_nothing_and_says_what_would_be(project: Project) -> None:
    before = counts()
    report = import_rows(project, "pairs", [PAIR], dry_run=True)
    assert counts() == before
    assert report.created["questions"] == 1
    assert str(report) == (
        "1 row of “rows” would bring 1 prompt, 2 systems, 2 candidates, 1 question."
    )
    with pytest.raises(ImportRefused):
        import_rows(project, "pairs", [PAIR, PAIR], dry_run=True)


def test_progress_is_told_stage_by_stage(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps({**PAIR, "pair_id": f"q{n}"}) + "\n" for n in range(2500)))
    told: list[Progress] = []
    run_import(project, path, "pairs", progress=told.append)
    assert list(dict.fromkeys(step.stage for step in told)) == ["reading", "checking", "rendering"]
    assert all(0 <= step.done <= step.total for step in told)
    assert (told[-1].done, told[-1].rows) == (told[-1].total, 2500)


def test_a_mapping_that_does_not_fit_is_refused_before_reading(
    project: Project, tmp_path: Path
) -> None:
    path = tmp_path / "votes.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(BadMapping, match="no kind “votes”"):
        run_import(project, path, "votes")
    with pytest.raises(BadMapping, match="No column is known for annotator"):
        run_import(project, path, "judgments")


def test_imported_candidates_can_be_paired(project: Project) -> None:
    rows: Rows = [{"prompt_text": "Why?", "response": text} for text in ("So.", "No.", "Oh.")]
    import_rows(project, "candidates", rows)
    assert len(ask_pairs(project=project).questions) == 3


def test_a_report_reads_as_a_sentence() -> None:
    report = ImportReport("judgments", "votes.csv", 1, bad_rows=1)
    assert str(report) == "1 row of 1 in “votes.csv” is bad, so nothing was written."
    report = ImportReport("judgments", "votes.csv", 2, created={"judgments": 0})
    assert str(report) == "2 rows of “votes.csv” brought nothing new."
