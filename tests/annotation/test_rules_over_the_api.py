"""The rules of assignment as people meet them: one sets them, others ask and answer, over HTTP."""

from typing import Any

from annotation.models import Profile, Question, Role, User
from tests.annotation.calling import Caller, as_
from tests.annotation.test_api_assigning import patch
from tests.cast import World, make_annotator, make_question, member

PROJECT = "/projects/advice"


class Person:
    """Somebody who judges over the API."""

    def __init__(self, world: World, user: User) -> None:
        self.caller: Caller = as_(user)
        self.key = f"{user.username}-answer-"
        self.count = 0
        self.names = {str(q.public_id): q.external_id for q in Question.objects.all()}

    def asks(self) -> Any:
        return self.caller.post(f"{PROJECT}/assignments/")

    def answers(self, assignment: Any, strength: int = 2) -> Any:
        """By what is preferred, on whichever side it stands: 2 is for the response placed first."""
        self.count += 1
        by_place = (
            strength if assignment["candidates"][0]["text"].startswith("Answer 0") else -strength
        )
        body = {
            "assignment": assignment["id"],
            "submission_key": f"{self.key}{self.count:04}",
            "answer": {"choice": str(by_place)},
        }
        kept = self.caller.post(f"{PROJECT}/judgments/", body)
        assert kept.status_code == 201, kept.content
        return kept.json()

    def goes_on(self, count: int, strength: int = 2) -> list[str]:
        """The names of the next questions, all answered."""
        found = []
        for _ in range(count):
            got = self.asks()
            if got.status_code != 201:
                break
            found.append(self.names[got.json()["question"]])
            self.answers(got.json(), strength)
        return found


def people(world: World, *names: str, side: str = "") -> list[Person]:
    found = []
    for name in names:
        user = member(world.project, name, Role.ANNOTATOR)
        annotator = make_annotator(world.project, user)
        if side:
            Profile.objects.create(annotator=annotator, version=1, attributes={"side": side})
        found.append(Person(world, user))
    return found


def rules(world: World, **settings: Any) -> None:
    assert patch(as_(world.olga), {"assignment": settings}).status_code == 200


def test_agreement_ends_a_question_early_and_doubt_asks_further_people(world: World) -> None:
    rules(world, overlap_least=2, overlap_most=4, certainty=0.85, order="sequential")
    one, two, three, four = people(world, "p1", "p2", "p3", "p4")
    assert one.goes_on(2) == ["noise", "rent"]
    assert two.goes_on(1) == ["noise"]
    assert two.goes_on(1, strength=-2) == ["rent"]  # two agreed on noise; on rent they don't
    assert three.goes_on(1) == ["rent"]
    states = dict(Question.objects.values_list("external_id", "state"))
    assert (states["noise"], states["rent"]) == ("answered", "open")
    assert four.goes_on(1) == ["rent"]
    assert dict(Question.objects.values_list("external_id", "state"))["rent"] == "answered"


def test_orders_caps_and_seats_of_groups(world: World) -> None:
    Question.objects.filter(external_id="snow").update(priority=5)
    rules(world, order="priority", most_per_annotator=1)
    (left,) = people(world, "left-1", side="left")
    assert left.goes_on(3) == ["snow"]
    assert left.asks().status_code == 409
    assert "as many questions as one person may" in left.asks().json()["detail"]
    rules(world, order="sequential", group_by="side", seats_per_group={"left": 1})
    (second,) = people(world, "left-2", side="left")
    right, other = people(world, "right-1", "right-2", side="right")
    assert second.goes_on(9) == ["noise", "rent"]  # snow's seat of that group is taken
    assert right.goes_on(9) == ["noise", "rent", "snow"]
    assert other.goes_on(9) == []
    rules(world, order="least_judged")
    make_question(world.project, "new")
    names = {str(q.public_id): q.external_id for q in Question.objects.all()}
    assert names[as_(world.ada).post(f"{PROJECT}/assignments/").json()["question"]] == "new"


def test_a_newcomer_qualifies_meets_checks_and_is_asked_again(world: World) -> None:
    olga = as_(world.olga)
    for number in range(30):  # turns are drawn: among so many every kind comes up
        make_question(world.project, f"more-{number}")
    for name, qualifies in (("first", True), ("known", False)):
        made = make_question(world.project, name)
        body = {"payload": {"strength": 2}, "qualifies": qualifies, "explanation": "It helps."}
        address = f"{PROJECT}/questions/{made.public_id}/check/"
        assert olga.post(address, body).status_code == 200
    rules(
        world, qualification_questions=1, qualification_pass=1.0, gold_share=0.4,
        gold_feedback=True, repeat_share=0.4, repeat_after=1,
    )  # fmt: skip
    good, bad = people(world, "good", "bad")
    assert good.goes_on(1) == ["first"]
    assert bad.goes_on(2, strength=-2) == ["first"]  # and no further
    refused = bad.asks()
    assert refused.status_code == 409
    assert "differ too much from the expected ones" in refused.json()["detail"]
    (row,) = olga.get(f"{PROJECT}/decisions/", kind="failed_qualification").json()["results"]
    assert row["measured"] == {"agreement": 0.0, "questions": 1}
    resumed = olga.post(f"{PROJECT}/annotators/{row['annotator']}/resume/")
    assert resumed.status_code == 200
    assert bad.asks().status_code == 201
    told: dict[str, list[str]] = {}
    for _ in range(30):
        got = good.asks()
        assert got.status_code == 201, got.content
        name = good.names[got.json()["question"]]
        told.setdefault(name, []).append(good.answers(got.json())["notice"])
    assert "It helps." in " ".join(told["known"])
    again = [name for name, notices in told.items() if len(notices) == 2]
    assert again
    assert set(again).isdisjoint({"first", "known"})
    standings = olga.get(f"{PROJECT}/judgments/", standing="check").json()["results"]
    assert len(standings) == 1 + 1 + 1 + len(again)


def test_haste_is_warned_about_then_stopped_and_an_owner_lets_go_on(world: World) -> None:
    for number in range(6):
        make_question(world.project, f"more-{number}")
    rules(world, fastest_ms=3_600_000, too_fast_share=0.5, too_fast_window=2, warnings=1)
    (hasty,) = people(world, "hasty")
    notices = [hasty.answers(hasty.asks().json())["notice"] for _ in range(4)]
    assert [bool(each) for each in notices] == [False, True, False, True]
    assert "Please take your time" in notices[1]
    assert "Your judging is paused" in notices[3]
    assert hasty.asks().status_code == 409
    olga = as_(world.olga)
    kinds = [each["kind"] for each in olga.get(f"{PROJECT}/decisions/").json()["results"]]
    assert kinds == ["warned", "paused"]
    (row,) = olga.get(f"{PROJECT}/decisions/", kind="paused").json()["results"]
    olga.post(f"{PROJECT}/annotators/{row['annotator']}/resume/")
    assert hasty.asks().status_code == 201
