"""From the log to tables: what is counted, what is left out, and under which names."""

from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from aggregation import loading, streaming
from aggregation.catalogue import METHODS
from aggregation.evidence_columns import CHECKLIST_SCORES
from aggregation.loading import NothingToRead
from aggregation.rating_columns import SEVERAL_CRITERIA
from aggregation.tables import Ballots, Comparisons, Labels, Ratings
from annotation import log
from annotation.models import (
    Annotator,
    AnnotatorKind,
    Candidate,
    Criterion,
    Judgment,
    Project,
    Question,
    Rubric,
    Standing,
)
from tests.cast import World, make_project, make_question

PEOPLE = ("person",)


def say(question: Question, annotator: Annotator, payload: dict[str, Any], **rest: Any) -> Judgment:
    return Judgment.objects.create(
        question=question,
        annotator=annotator,
        judgment_type=question.judgment_type,
        payload=payload,
        submission_key=f"{question.pk}-{annotator.pk}-{Judgment.objects.count()}",
        source="api",
        created_at=timezone.now(),
        **rest,
    )


def table_of(project: Project, kind: type[Any], **given: Any) -> Any:
    selection: dict[str, Any] = {"mark": log.mark(project), "kinds": PEOPLE, **given}
    loaded = loading.load(project, **selection)
    return next(part.table for part in loaded.parts if isinstance(part.table, kind))


def test_a_pairwise_judgment_becomes_one_comparison_between_systems(world: World) -> None:
    say(world.questions[0], world.annotator_ada, {"strength": -2}, shown_order=[1, 0])
    table = table_of(world.project, Comparisons)
    assert table.ids == ("system-0", "system-1")
    assert (table.a.tolist(), table.b.tolist(), table.y.tolist()) == ([0], [1], [-2])
    assert table.first.tolist() == [-1]
    assert table.annotator_ids == ("person-ada",)
    assert [table.group_ids[code] for code in table.group] == ["prompt-noise"]


def test_ties_keep_their_kind(world: World) -> None:
    say(world.questions[0], world.annotator_ada, {"strength": 0})
    say(world.questions[0], world.annotator_bob, {"strength": 0, "both_bad": True})
    table = table_of(world.project, Comparisons)
    assert table.y.tolist() == [0, 0]
    assert table.tie_kind.tolist() == [1, 2]


def test_candidates_can_be_kept_apart(world: World) -> None:
    say(world.questions[0], world.annotator_ada, {"strength": 1})
    table = table_of(world.project, Comparisons, items="candidates")
    assert table.ids == (("prompt-noise", "noise-0"), ("prompt-noise", "noise-1"))


def test_parked_superseded_and_later_judgments_are_not_read(world: World) -> None:
    question = world.questions[0]
    first = say(question, world.annotator_ada, {"strength": 1})
    say(question, world.annotator_bob, {"strength": 3}, standing=Standing.PARKED)
    mark = log.mark(world.project)
    say(question, world.annotator_ada, {"strength": -1}, supersedes=first)
    assert table_of(world.project, Comparisons, mark=mark).y.tolist() == [1]
    assert table_of(world.project, Comparisons).y.tolist() == [-1]


def test_only_the_chosen_kinds_of_annotators_are_read(world: World) -> None:
    judge = Annotator.objects.create(
        project=world.project, kind=AnnotatorKind.MODEL, external_id="judge"
    )
    say(world.questions[0], world.annotator_ada, {"strength": 1})
    say(world.questions[0], judge, {"strength": -3})
    assert table_of(world.project, Comparisons).y.tolist() == [1]
    assert table_of(world.project, Comparisons, kinds=("model",)).y.tolist() == [-3]
    assert len(table_of(world.project, Comparisons, kinds=("person", "model"))) == 2


def test_another_projects_judgments_stay_there(world: World) -> None:
    other = make_project("other")
    stranger = Annotator.objects.create(
        project=other, kind=AnnotatorKind.PERSON, external_id="stranger"
    )
    say(make_question(other, "noise"), stranger, {"strength": 1})
    say(world.questions[0], world.annotator_ada, {"strength": 1})
    assert len(table_of(world.project, Comparisons)) == 1


@pytest.mark.parametrize("between", [0, 1, 9])
def test_questions_of_other_projects_between_ours_change_nothing(
    world: World, between: int
) -> None:
    say(world.questions[0], world.annotator_ada, {"strength": 1})
    other = make_project("other")
    for count in range(between):
        make_question(other, f"theirs-{count}")
    late = make_question(world.project, "late")
    say(late, world.annotator_bob, {"strength": -2})
    table = table_of(world.project, Comparisons)
    assert [table.group_ids[code] for code in table.group] == ["prompt-noise", "prompt-late"]
    assert (table.a.tolist(), table.b.tolist(), table.y.tolist()) == ([0, 0], [1, 1], [1, -2])


@pytest.mark.parametrize("few", [0, 1, 2_000])
def test_the_same_people_are_read_whether_they_are_few_or_many(
    world: World, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(loading, "FEW_PEOPLE", few)
    say(world.questions[0], world.annotator_ada, {"strength": 1})
    say(world.questions[0], world.annotator_bob, {"strength": -1})
    assert table_of(world.project, Comparisons).annotator_ids == ("person-ada", "person-bob")
    nobody = loading.load(world.project, mark=log.mark(world.project), kinds=("model",))
    assert (nobody.judgments, nobody.parts) == (0, ())


@pytest.mark.parametrize("shown", [[1, 0], [40, 0, 1], None])
def test_what_was_shown_first_is_known_where_it_is_one_of_the_two(
    world: World, shown: list[int] | None
) -> None:
    say(world.questions[0], world.annotator_ada, {"strength": 1}, shown_order=[0, 1])
    say(world.questions[0], world.annotator_bob, {"strength": 1}, shown_order=shown)
    expected = -1 if shown == [1, 0] else 0
    assert table_of(world.project, Comparisons).first.tolist() == [1, expected]


def test_pairs_without_a_known_or_different_system_are_counted_as_left_out(world: World) -> None:
    question, same = world.questions[:2]
    Candidate.objects.filter(external_id="noise-0").update(system=None)
    Candidate.objects.filter(external_id__startswith="rent").update(
        system=Candidate.objects.get(external_id="rent-0").system
    )
    say(question, world.annotator_ada, {"strength": 1})
    say(same, world.annotator_ada, {"strength": 1})
    loaded = loading.load(world.project, mark=log.mark(world.project), kinds=PEOPLE)
    assert loaded.exclusions == {"no_system": 1, "same_system": 1}
    assert (loaded.judgments, loaded.parts) == (2, ())


def test_chunks_join_to_the_same_table(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for question in world.questions:
        for annotator in (world.annotator_ada, world.annotator_bob):
            say(question, annotator, {"strength": question.pk % 3 - 1})
    whole = table_of(world.project, Comparisons)
    seen: list[int] = []
    monkeypatch.setattr(streaming, "BLOCK", 2)
    parts = loading.load(
        world.project, mark=log.mark(world.project), kinds=PEOPLE, watch=seen.append
    ).parts
    assert parts[0].table.digest() == whole.digest()
    assert seen == [2, 4, 6]


def test_an_empty_project_says_that_there_is_nothing(world: World) -> None:
    loaded = loading.load(world.project, mark=0, kinds=PEOPLE)
    assert loaded.judgments == loaded.annotators == 0
    with pytest.raises(NothingToRead, match="No judgments match"):
        loaded.part_for(METHODS["bradley_terry"])


# --- Checklists -------------------------------------------------------------------------------


@pytest.fixture
def checklist(world: World) -> Question:
    project = make_project("quality", judgment_type="checklist")
    rubric = Rubric.objects.create(project=project, name="clarity")
    for position, weight in enumerate((1.0, 3.0, 1.0)):
        Criterion.objects.create(
            rubric=rubric, position=position, text=f"Is it clear? {position}", weight=weight
        )
    return make_question(project, "noise", rubric=rubric)


def tick(question: Question, name: str, first: str, second: str) -> None:
    """One judgment; "y", "n" or "-" per criterion for each of the two candidates."""
    words = {"y": "yes", "n": "no", "-": "not_applicable"}
    annotator, _ = Annotator.objects.get_or_create(
        project=question.project, external_id=name, kind=AnnotatorKind.PERSON
    )
    answers = {
        str(place): {str(line): words[letter] for line, letter in enumerate(letters)}
        for place, letters in enumerate((first, second))
    }
    say(question, annotator, {"answers": answers})


def test_checklist_answers_become_labels_per_candidate_and_criterion(checklist: Question) -> None:
    tick(checklist, "ann", "yn-", "yyy")
    tick(checklist, "ben", "nn-", "yyn")
    table = table_of(checklist.project, Labels)
    assert table.label_ids == ("no", "yes")
    assert len(table) == 12
    counts = dict(zip(table.ids, table.counts().tolist(), strict=True))
    assert counts["prompt-noise", "noise-0", "clarity v1 · 1"] == [1, 1]
    assert counts["prompt-noise", "noise-0", "clarity v1 · 2"] == [2, 0]
    assert counts["prompt-noise", "noise-0", "clarity v1 · 3"] == [0, 0]
    assert counts["prompt-noise", "noise-1", "clarity v1 · 3"] == [1, 1]


def test_checklist_scores_weigh_criteria_and_leave_out_not_applicable(checklist: Question) -> None:
    tick(checklist, "ann", "yn-", "---")
    tick(checklist, "ben", "yyn", "nyn")
    table = table_of(checklist.project, Ratings)
    rows = zip(
        [table.ids[unit] for unit in table.unit],
        [table.annotator_ids[who] for who in table.annotator],
        table.value.tolist(),
        strict=True,
    )
    assert sorted(rows) == [
        ("system-0", "ann", 0.25),
        ("system-0", "ben", 0.8),
        ("system-1", "ben", 0.6),
    ]


def test_a_ranking_method_reads_checklists_through_their_scores(checklist: Question) -> None:
    tick(checklist, "ann", "yyy", "ynn")
    loaded = loading.load(checklist.project, mark=log.mark(checklist.project), kinds=PEOPLE)
    part = loaded.part_for(METHODS["win_rate"])
    assert isinstance(part.table, Ratings)
    assert part.conversions == (CHECKLIST_SCORES,)
    result = METHODS["win_rate"].fit(part.table)
    assert dict(zip(result.ids, result.score, strict=True)) == {"system-0": 1.0, "system-1": 0.0}


def test_answers_behind_each_id_are_counted(world: World) -> None:
    for annotator in (world.annotator_ada, world.annotator_bob):
        say(world.questions[0], annotator, {"strength": 1})
    table = table_of(world.project, Comparisons)
    assert np.array_equal(loading.judged(table), [2, 2])
    by_pair = loading.judged_by_id(table, METHODS["majority"])
    assert by_pair["prompt-noise", "system-0", "system-1"] == 2


def ranking_question(world: World, name: str = "rank") -> Question:
    return make_question(world.project, name, candidates=3, judgment_type="ranking")


def test_a_ranking_becomes_one_ballot_with_its_ties(world: World) -> None:
    question = ranking_question(world)
    say(question, world.annotator_ada, {"tiers": [[2], [0, 1]], "of": 3})
    table = table_of(world.project, Ballots)
    assert table.ids == ("system-0", "system-1", "system-2")
    assert table.ptr.tolist() == [0, 3]
    assert dict(zip(table.item.tolist(), table.tier.tolist(), strict=True)) == {0: 1, 1: 1, 2: 0}
    assert sorted(table.shown.tolist()) == [0, 1, 2]


def test_best_of_n_lists_the_best_and_shows_all(world: World) -> None:
    question = ranking_question(world)
    say(question, world.annotator_ada, {"tiers": [[1]], "of": 3})
    say(question, world.annotator_bob, {"tiers": [[0]], "of": 3})
    table = table_of(world.project, Ballots)
    assert (table.ptr.tolist(), table.item.tolist()) == ([0, 1, 2], [1, 0])
    assert table.shown_ptr.tolist() == [0, 3, 6]


def test_a_ballot_naming_one_system_twice_is_left_out_whole_and_counted(world: World) -> None:
    question = ranking_question(world)
    other = ranking_question(world, "other")
    say(question, world.annotator_ada, {"tiers": [[0], [1], [2]], "of": 3})
    say(other, world.annotator_ada, {"tiers": [[0], [1], [2]], "of": 3})
    twice, once = other.placements.order_by("position")[:2]
    Candidate.objects.filter(pk=once.candidate_id).update(system=twice.candidate.system)
    loaded = loading.load(world.project, mark=log.mark(world.project), kinds=PEOPLE)
    (ballots,) = (part.table for part in loaded.parts if isinstance(part.table, Ballots))
    assert len(ballots.ptr) - 1 == 1
    assert loaded.exclusions == {"same_system": 1}


def test_social_choice_reads_the_ballots(world: World) -> None:
    question = ranking_question(world)
    for annotator in (world.annotator_ada, world.annotator_bob):
        say(question, annotator, {"tiers": [[2], [0], [1]], "of": 3})
    loaded = loading.load(world.project, mark=log.mark(world.project), kinds=PEOPLE)
    part = loaded.part_for(METHODS["borda"])
    result = METHODS["borda"].fit(part.table)
    assert [result.ids[winner] for winner in result.winners] == ["system-2"]
    assert loading.judged(part.table).tolist() == [2, 2, 2]


def rated_question(world: World, *scales: dict[str, Any]) -> Question:
    rubric = Rubric.objects.create(project=world.project, name=f"scales {len(scales)}")
    for position, anchors in enumerate(scales):
        Criterion.objects.create(
            rubric=rubric, position=position, text="How good?", kind="scale", anchors=anchors
        )
    return make_question(
        world.project, "rated", candidates=2, judgment_type="rating", rubric=rubric
    )


def test_one_criterion_keeps_its_scale(world: World) -> None:
    question = rated_question(world, {"low": 1, "high": 5})
    said = {"ratings": {"0": {"0": 4}, "1": {"0": 1}}, "scales": {"0": [1, 5]}}
    say(question, world.annotator_ada, said)
    table = table_of(world.project, Ratings)
    assert (table.value.tolist(), table.lo, table.hi) == ([4.0, 1.0], 1.0, 5.0)


def test_several_criteria_become_one_score_and_say_so(world: World) -> None:
    question = rated_question(world, {"low": 1, "high": 5}, {"low": 0, "high": 100})
    said = {
        "ratings": {"0": {"0": 5, "1": 50}, "1": {"0": 1, "1": 0}},
        "scales": {"0": [1, 5], "1": [0, 100]},
    }
    say(question, world.annotator_ada, said)
    loaded = loading.load(world.project, mark=log.mark(world.project), kinds=PEOPLE)
    part = loaded.part_for(METHODS["mean"])
    assert part.conversions == (SEVERAL_CRITERIA,)
    assert isinstance(part.table, Ratings)
    assert dict(zip(part.table.ids, part.table.value.tolist(), strict=True)) == {
        "system-0": 0.75,
        "system-1": 0.0,
    }
