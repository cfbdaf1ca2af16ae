"""Questions for newcomers: chosen from a run's groups, by what the annotator has already said."""

from collections import Counter

import pytest
from django.test import Client

from aggregation import priorities, runs
from aggregation.enqueue import NotPossible, request_run
from aggregation.known_groups import groups_of_run, path_of, unplaced
from aggregation.models import PriorityRound, Run
from aggregation.newcomers import onboarding_questions
from aggregation.panels import draw_panel
from aggregation.steering import switch_steering
from annotation.consent import withdraw
from annotation.models import Annotator, Assignment, Question, WorkState
from annotation.queue import lease_next
from tests.aggregation.votes import person, vote
from tests.annotation.calling import as_
from tests.cast import World, make_question

NAMES = ("a", "b", "c", "d")


@pytest.fixture
def split(world: World) -> World:
    """Twenty people: half prefer the first response throughout, half the second; on one question
    all agree. Two questions stay open for more.
    """
    extra = [make_question(world.project, name, overlap=100) for name in NAMES]
    for question in world.questions:
        question.overlap = 100
        question.save()
    for number in range(20):
        annotator = person(world.project, f"p{number:02}")
        for question in (*world.questions, *extra[:3]):
            vote(question, annotator, 1 if number % 2 else -1)
            vote(question, annotator, 1 if number % 2 else -1)
        vote(extra[3], annotator, 1)
        vote(extra[3], annotator, 1)
    return world


@pytest.fixture
def groups(split: World) -> Run:
    run = request_run(
        split.project, "mixture", options={"groups": 2, "restarts": 2}, items="candidates"
    )
    runs.execute_run(run.pk)
    run.refresh_from_db()
    assert run.state == WorkState.DONE, run.error
    return run


def test_a_stranger_is_asked_what_splits_the_groups(split: World, groups: Run) -> None:
    found = onboarding_questions(groups, number=6, random_share=0.0)
    asked = [question.external_id for question, _ in found.questions]
    assert found.pool == 7
    assert "d" not in asked  # everybody agrees on it
    assert sum(found.belief) == pytest.approx(1.0)
    assert found.answers == 0
    told = [one.information for _, one in found.questions]
    assert told == sorted(told, reverse=True)
    assert told[0] > 0.5


def test_what_somebody_already_said_counts(split: World, groups: Run) -> None:
    newcomer = person(split.project, "newcomer")
    vote(split.questions[0], newcomer, 1)
    vote(split.questions[1], newcomer, 2)
    found = onboarding_questions(groups, annotator=newcomer, number=3, random_share=0.0)
    assert found.answers == 2
    assert max(found.belief) > 0.9
    asked = {question.external_id for question, _ in found.questions}
    assert not asked & {split.questions[0].external_id, split.questions[1].external_id}
    stranger = onboarding_questions(groups, number=1, random_share=0.0)
    assert found.questions[0][1].information < stranger.questions[0][1].information


def test_a_question_somebody_holds_is_not_asked_again(split: World, groups: Run) -> None:
    newcomer = person(split.project, "newcomer")
    Assignment.objects.create(
        question=split.questions[0],
        annotator=newcomer,
        state="released",
        shown_order=[0, 1],
        leased_at=groups.created_at,
        lease_until=groups.created_at,
        ended_at=groups.created_at,
        release_reason="skipped",
    )
    assert onboarding_questions(groups, annotator=newcomer).pool == 6


def test_one_group_or_another_method_is_refused_with_what_to_do(split: World) -> None:
    for method, options, said in (
        ("mixture", {"groups": 1}, "one group only"),
        ("win_rate", {}, "a method that finds groups"),
    ):
        run = request_run(split.project, method, options=options, items="candidates")
        with pytest.raises(NotPossible, match="isn't finished"):
            onboarding_questions(run)
        runs.execute_run(run.pk)
        run.refresh_from_db()
        with pytest.raises(NotPossible, match=said):
            onboarding_questions(run)


def test_without_a_fitting_question_it_says_so(split: World, groups: Run) -> None:
    split.project.questions.update(state="withdrawn")
    with pytest.raises(NotPossible, match="No open question"):
        onboarding_questions(groups)


def test_the_api_hands_out_the_questions(split: World, groups: Run, client: Client) -> None:
    client.force_login(split.olga)
    address = f"/api/v1/projects/{split.project.slug}/onboarding-questions/"
    answer = client.get(address, {"run": str(groups.public_id), "number": "2", "seed": "3"})
    assert answer.status_code == 200, answer.content
    said = answer.json()
    assert len(said["questions"]) == 2
    assert said["groups"] == ["group 1", "group 2"]
    assert all(0 < one["propensity"] <= 1 for one in said["questions"])
    again = client.get(address, {"run": str(groups.public_id), "number": "2", "seed": "3"})
    assert again.json() == said
    assert client.get(address).status_code == 400
    unknown = client.get(address, {"run": str(groups.public_id), "annotator": "nobody"})
    assert unknown.status_code == 404
    client.force_login(split.ada)
    assert client.get(address, {"run": str(groups.public_id)}).status_code == 403


def test_a_panel_gives_everybody_the_same_chance_and_every_group_its_share(
    split: World, groups: Run
) -> None:
    sat: Counter[str] = Counter()
    for seed in range(300):
        panel = draw_panel(groups, seats=5, seed=seed)
        assert len(panel.people) == 5
        assert sorted(panel.seats.values()) == [2, 3]  # of two groups of ten
        sat.update(name for name, _group in panel.people)
    one = draw_panel(groups, seats=5, seed=1)
    assert one == draw_panel(groups, seats=5, seed=1)
    assert one.chance == 0.25
    assert len(sat) == one.drawn_from == 20
    # 300 draws with chance 1/4: 75 on average, standard deviation 7.5
    assert all(abs(times - 75) < 5 * 7.5 for times in sat.values())


def test_a_panel_larger_than_the_people_is_refused(split: World, groups: Run) -> None:
    with pytest.raises(NotPossible, match="can hold at most 20"):
        draw_panel(groups, seats=21)


def test_whoever_has_withdrawn_gets_no_seat(split: World, groups: Run) -> None:
    gone = Annotator.objects.filter(project=split.project, judgments__isnull=False).first()
    assert gone is not None
    withdraw(gone)
    panel = draw_panel(groups, seats=19)
    assert panel.drawn_from == 19
    assert gone.external_id not in dict(panel.people)


def test_a_panel_is_drawn_over_the_api(split: World, groups: Run) -> None:
    address = "/projects/advice/panels/"
    asked = {"run": str(groups.public_id), "seats": 4}
    drawn = as_(split.olga).get(address, **asked).json()
    assert len(drawn["people"]) == 4
    assert sum(drawn["seats"].values()) == 4
    assert as_(split.ada).get(address, **asked).status_code == 403


def steer(split: World, floor: float = 0.2) -> PriorityRound:
    switch_steering(split.project, is_on=True, rule="who_is_where", floor=floor, user=split.olga)
    round_ = PriorityRound.objects.get(state=WorkState.QUEUED)
    priorities.execute_round(round_.pk)
    round_.refresh_from_db()
    return round_


def test_the_queue_asks_newcomers_first_what_tells_their_group(split: World, groups: Run) -> None:
    """Over many draws the question on which all agree comes first as rarely as the floor lets it:
    it is worth almost nothing, so its chance is little more than .2 / 7.
    """
    round_ = steer(split)
    first = Counter([first_asked(round_)])
    for seed in range(1, 40):
        round_ = PriorityRound.objects.create(
            project=split.project, rule="who_is_where", floor=0.2, seed=seed, mark=groups.mark
        )
        priorities.execute_round(round_.pk)
        round_.refresh_from_db()
        assert round_.state == WorkState.DONE, round_.error
        assert round_.groups_of == groups
        first[first_asked(round_)] += 1
    assert first["d"] <= 5
    assert len(first) > 3
    leased = lease_next(person(split.project, "newcomer"))
    assert leased is not None
    assert leased.question.external_id == first_asked(round_)
    worth = {
        change.question.external_id: change.value or 0.0
        for change in round_.changes.select_related("question")
    }
    assert worth["d"] < 0.2 * max(worth.values())


def first_asked(round_: PriorityRound) -> str:
    change = round_.changes.select_related("question").get(place=0)
    assert change.propensity is not None
    assert change.propensity >= 0.2 / 7
    return change.question.external_id


def test_a_question_that_the_run_does_not_know_is_left_to_chance(split: World, groups: Run) -> None:
    new = make_question(split.project, "since")
    changes = steer(split).changes
    unknown = changes.get(question=new)
    assert unknown.value == 0.0
    assert changes.count() == Question.objects.filter(project=split.project, state="open").count()


def test_without_groups_the_order_stays_and_says_what_to_do(split: World) -> None:
    before = list(Question.objects.order_by("pk").values_list("priority", flat=True))
    round_ = steer(split)
    assert round_.state == WorkState.FAILED
    assert "Run the mixture first" in round_.error
    assert list(Question.objects.order_by("pk").values_list("priority", flat=True)) == before


def test_a_fifth_of_the_chance_stays_with_all_questions(split: World, groups: Run) -> None:
    with pytest.raises(NotPossible, match="floor of 0.2"):
        steer(split, floor=0.1)


def test_people_whose_group_is_known_ask_for_nothing(split: World, groups: Run) -> None:
    known = groups_of_run(groups)
    assert unplaced(known, ["person"], 0.8) == pytest.approx(known.shares[None, :])
    newcomer = person(split.project, "newcomer")
    vote(split.questions[0], newcomer, 1)
    assert len(unplaced(known, ["person"], 0.999)) == 2
    assert len(unplaced(known, ["model"], 0.999)) == 1


def test_every_answer_moves_the_belief_and_the_page_shows_the_way(
    split: World, groups: Run, client: Client
) -> None:
    newcomer = person(split.project, "newcomer")
    for number, question in enumerate(split.questions[:3]):
        vote(question, newcomer, -1 if number == 2 else 1)
    path = path_of(groups_of_run(groups), newcomer)
    assert path.shape == (4, 2)
    assert path.sum(axis=1) == pytest.approx(1.0)
    leading = path[1].argmax()
    assert path[2, leading] > path[1, leading] > path[0, leading]
    assert path[3, leading] < path[2, leading]  # the third answer was the other group's
    client.force_login(split.olga)
    address = f"/projects/{split.project.slug}/newcomers/"
    text = client.get(address, {"annotator": "newcomer", "number": "3"}).content.decode()
    assert "Where newcomer stands" in text
    assert f"{100 * path[3, leading]:.0f}\xa0%" in text
    assert 'class="belief-line' in text
    assert "doesn't go by this" in text.replace("&#x27;", "'")
    steer(split)
    page = client.get(address, {"seats": "4", "seed": "1"}).content.decode()
    assert "asks such questions first now" in page
    assert "4 seats drawn from 20 people" in page
    for name, _group in draw_panel(groups, seats=4, seed=1).people:
        assert f'<th scope="row">{name}</th>' in page


def test_the_page_refuses_strangers_and_says_what_is_wrong(
    split: World, groups: Run, client: Client
) -> None:
    address = f"/projects/{split.project.slug}/newcomers/"
    client.force_login(split.olga)
    assert "There is no such annotator" in client.get(address, {"annotator": "x"}).content.decode()
    assert (
        "can hold at most 20" in client.get(address, {"seats": "99", "seed": "0"}).content.decode()
    )
    client.force_login(split.ada)
    assert client.get(address).status_code == 403


def test_without_a_run_that_tells_groups_apart_the_page_says_so(
    split: World, client: Client
) -> None:
    client.force_login(split.olga)
    address = f"/projects/{split.project.slug}/newcomers/"
    assert "Run the mixture on this project first" in client.get(address).content.decode()
    run = request_run(split.project, "mixture", options={"groups": 1}, items="candidates")
    runs.execute_run(run.pk)
    assert "one group only" in client.get(address).content.decode()
