"""Groups declared in a survey: each vote counts in the group that was declared when it was cast."""

import numpy as np
import pytest

from aggregation import loading, runs
from aggregation.catalogue import METHODS
from aggregation.enqueue import request_run
from aggregation.methods.pluralism.maxmin import MaxMinOptions
from aggregation.models import Run
from aggregation.tables import Comparisons, TableError
from annotation import log
from annotation.models import Profile, Project, WorkState
from tests.aggregation.votes import person, say, vote
from tests.cast import World, make_question


@pytest.fixture
def divided(world: World) -> World:
    """Six northerners prefer system-0, five southerners system-1; one person declared nothing."""
    for number in range(12):
        place = {"region": "north"} if number < 6 else {"region": "south"} if number < 11 else {}
        annotator = person(world.project, f"p{number:02}", **place)
        for question in world.questions:
            vote(question, annotator, 2 if number < 6 else -2)
    return world


def loaded(project: Project, attribute: str | None = "region") -> loading.EvidenceTables:
    return loading.load(project, mark=log.mark(project), kinds=["person"], attribute=attribute)


def comparisons(project: Project) -> Comparisons:
    (part,) = loaded(project).parts
    assert isinstance(part.table, Comparisons)
    return part.table


def test_the_declared_value_becomes_the_context_of_each_vote(divided: World) -> None:
    table = comparisons(divided.project)
    assert table.group_ids == ("north", "south")
    assert table.group is not None
    assert np.bincount(table.group + 1).tolist() == [3, 18, 15]
    assert table.annotator_ids == tuple(f"p{number:02}" for number in range(12))


def test_a_later_declaration_leaves_earlier_votes_where_they_were(divided: World) -> None:
    before = comparisons(divided.project)
    mover = person(divided.project, "p00")
    Profile.objects.create(annotator=mover, version=2, attributes={"region": "south"})
    assert comparisons(divided.project).digest() == before.digest()
    vote(make_question(divided.project, "dog"), mover, 3)
    after = comparisons(divided.project)
    assert after.group is not None
    assert after.annotator is not None
    mine = after.group[after.annotator == after.annotator_ids.index("p00")]
    assert [after.group_ids[code] for code in mine] == ["north", "north", "north", "south"]
    assert loaded(divided.project).annotators == 12  # who moved is still one person


def test_rankings_before_and_after_a_move_are_never_compared(world: World) -> None:
    question = make_question(world.project, "dog", judgment_type="ranking", candidates=3)
    other = make_question(world.project, "cat", judgment_type="ranking", candidates=3)
    ada = person(world.project, "ada", region="north")
    say(question, ada, {"tiers": [[0], [1], [2]], "of": 3})
    Profile.objects.create(annotator=ada, version=2, attributes={"region": "south"})
    say(other, ada, {"tiers": [[2], [1], [0]], "of": 3})
    table = comparisons(world.project)
    assert table.group is not None
    assert np.bincount(table.group).tolist() == [3, 3]
    assert table.annotator_ids == ("ada",)


@pytest.mark.parametrize("method", ["maxmin", "mixture"])
def test_a_run_uses_the_groups_of_a_survey_attribute(divided: World, method: str) -> None:
    options = {"by": "attribute", "attribute": "region", "replicates": 5}
    run = request_run(divided.project, method, options=options)
    runs.execute_run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error) == (WorkState.DONE, "")
    found = run.aggregate().fit.parameters
    assert found["groups"] == ["north", "south"]
    assert found["shares"] == pytest.approx([6 / 11, 5 / 11], abs=0.02)
    W = np.array(found["welfare"])
    assert W[0, 0] > 0.6 > 0.4 > W[1, 0]
    assert found["notes"] == ["1 annotators belong to no declared group"]
    assert runs.rebuild(run).identical


def test_an_attribute_that_nobody_declared_is_named_in_the_refusal(divided: World) -> None:
    run = request_run(
        divided.project, "maxmin", options={"by": "attribute", "attribute": "shoe size"}
    )
    runs.execute_run(run.pk)
    assert Run.objects.get(pk=run.pk).error == "Nobody in this project declared “shoe size”."
    unnamed = request_run(divided.project, "maxmin", options={"by": "attribute"})
    runs.execute_run(unnamed.pk)
    assert "Name the survey attribute" in Run.objects.get(pk=unnamed.pk).error


def test_who_moved_is_one_person_in_two_groups() -> None:
    """Weights of resampling go to people, so both of a mover's voices get the same one."""
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(12), 10)
    group = np.where(who < 6, 0, 1)
    group[(who == 0) & (np.arange(120) % 10 > 4)] = 1
    y = np.where(group == 0, 1, -1) * rng.choice([1, 1, 1, -1], 120)
    table = Comparisons.from_arrays(
        np.zeros(120, dtype=int), np.ones(120, dtype=int), y, annotator=who,
        annotator_ids=[f"p{n}" for n in range(12)], group=group, group_ids=["north", "south"],
    )  # fmt: skip
    from aggregation.pluralism.grouping import groups_of_votes

    found = groups_of_votes(table, MaxMinOptions(by="attribute").plan())
    assert sorted(found.votes.people.tolist()) == sorted([0, *range(12)])
    assert found.mixture.sizes.tolist() == [6.0, 7.0]


def test_votes_without_groups_are_refused_with_what_to_do() -> None:
    table = Comparisons.from_arrays([0], [1], [1], annotator=[0])
    method = METHODS["maxmin"]
    with pytest.raises(TableError, match="--map group=COLUMN"):
        method.fit(table, method.options(by="attribute"))
