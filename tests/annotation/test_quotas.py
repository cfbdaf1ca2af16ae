"""Quotas of groups over the whole project: nobody gets a question their group owes no answer to."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.db.models import Count
from django.test import Client

from annotation import queue
from annotation.amendment import amend
from annotation.declaring import declare
from annotation.errors import InvalidAnswer, QuotaFull
from annotation.models import Assignment, Judgment, Membership, Project, Role, Tally
from annotation.quotas import Quota, quotas
from annotation.submission import record
from tests.annotation.calling import as_
from tests.annotation.test_assigning import answer, fresh, lease, person, rules
from tests.cast import account, make_project, make_question, member

PROJECT = "/projects/advice"


@pytest.fixture
def project(db: None) -> Project:
    return filled()


def filled() -> Project:
    project = make_project(overlap=4)
    for number in range(8):
        make_question(project, f"q{number}")
    return project


def test_a_full_group_gets_no_more_and_another_goes_on(project: Project) -> None:
    rules(project, group_by="side", judgments_per_group={"left": 2, "right": 5})
    ada, bob = person(project, "ada", side="left"), person(project, "bob", side="left")
    cleo = person(project, "cleo", side="right")
    answer(ada, lease(ada))
    answer(bob, lease(bob))
    for one in (ada, bob):
        with pytest.raises(QuotaFull, match="as many answers as it asks for"):
            lease(one)
    for _ in range(5):
        answer(cleo, lease(cleo))
    with pytest.raises(QuotaFull):
        lease(cleo)
    project.refresh_from_db()
    assert quotas(project) == [Quota("left", 2, 2), Quota("right", 5, 5)]


def test_a_late_answer_is_kept_beyond_the_quota_and_owners_see_it(project: Project) -> None:
    olga = member(project, "olga", Role.OWNER)
    rules(project, group_by="side", judgments_per_group={"left": 1})
    ada, bob = person(project, "ada", side="left"), person(project, "bob", side="left")
    late = lease(ada)
    Assignment.objects.update(leased_at="2026-01-01T00:00Z", lease_until="2026-01-01T00:10Z")
    answer(bob, lease(bob))
    assert answer(ada, late).judgment.standing == "counted"
    project.refresh_from_db()
    (quota,) = quotas(project)
    assert (quota.judgments, quota.wanted, quota.beyond) == (2, 1, 1)
    page = Client()
    page.force_login(olga)
    assert "1 more than asked for" in page.get(f"{PROJECT}/").content.decode()
    assert as_(olga).get(f"{PROJECT}/progress/").json()["quotas"][0]["beyond"] == 1


def test_tallies_are_what_the_log_holds_whoever_writes(project: Project) -> None:
    """Amendments, parked answers, models and changed profiles included."""
    ada, bob = person(project, "ada", side="left"), person(project, "bob")
    model = project.annotators.create(kind="model", external_id="amber")
    project.questions.update(overlap=2)
    for _ in range(3):
        answer(ada, lease(ada))
    declare(annotator=ada, attributes={"side": "right"})
    answer(ada, lease(ada))
    kept = answer(bob, lease(bob)).judgment
    amend(
        annotator=fresh(bob), judgment_id=str(kept.public_id), data={"choice": "1"},
        submission_key="amended-1",
    )  # fmt: skip
    question = project.questions.get(pk=kept.question_id)
    for who in (model, person(project, "late"), person(project, "later")):
        record(
            question=question, annotator=who, payload={"strength": 1},
            submission_key=f"{who.pk}-{question.pk}", source="import",
        )  # fmt: skip
    counted = (
        Judgment.objects.filter(standing="counted", supersedes__isnull=True)
        .exclude(annotator__kind="model")
        .values_list("annotator", "profile")
        .annotate(n=Count("pk"))
    )
    told = Tally.objects.values_list("annotator", "profile", "judgments")
    assert sorted(told, key=str) == sorted(counted, key=str)
    assert len(told) >= 3
    assert Judgment.objects.filter(standing="parked").exists()


def test_a_question_in_hand_counts_and_one_given_back_does_not(project: Project) -> None:
    rules(project, group_by="side", judgments_per_group={"left": 1})
    ada, bob = person(project, "ada", side="left"), person(project, "bob", side="left")
    held = lease(ada)
    with pytest.raises(QuotaFull):
        lease(bob)
    assert lease(ada).pk == held.pk  # what is in hand may be finished
    queue.release(fresh(ada), str(held.public_id))
    answer(bob, lease(bob))


def test_everybody_else_can_have_a_quota_too(project: Project) -> None:
    rules(project, group_by="side", judgments_per_group={"left": 5, "*": 1})
    nobody, right = person(project, "nobody"), person(project, "right", side="right")
    answer(nobody, lease(nobody))
    with pytest.raises(QuotaFull):
        lease(right)
    left = person(project, "left", side="left")
    answer(left, lease(left))


def test_groups_without_a_quota_are_not_limited(project: Project) -> None:
    rules(project, group_by="side", judgments_per_group={"left": 1})
    right = person(project, "right", side="right")
    for _ in range(8):
        answer(right, lease(right))


def test_votes_stay_with_the_group_of_their_time(project: Project) -> None:
    rules(project, group_by="side", judgments_per_group={"left": 2, "right": 1})
    ada = person(project, "ada", side="left")
    answer(ada, lease(ada))
    declare(annotator=ada, attributes={"side": "right"})
    answer(ada, lease(ada))
    with pytest.raises(QuotaFull):
        lease(ada)
    project.refresh_from_db()
    assert [each.judgments for each in quotas(project)] == [1, 1]


def test_quotas_and_seats_of_single_questions_hold_together(project: Project) -> None:
    rules(
        project,
        group_by="side",
        seats_per_group={"left": 1},
        judgments_per_group={"left": 3},
    )
    ada, bob = person(project, "ada", side="left"), person(project, "bob", side="left")
    first = [lease(ada).question_id, lease(bob).question_id]
    assert first[0] != first[1]  # one seat of the group per question
    for one in (ada, bob):
        answer(one, lease(one))
    answer(ada, lease(ada))
    with pytest.raises(QuotaFull):
        lease(bob)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"judgments_per_group": {"left": 3}}, "group_by"),
        ({"group_by": "side", "judgments_per_group": {"left": 0}}, "judgments_per_group"),
        ({"group_by": "side", "judgments_per_group": {"": 3}}, "judgments_per_group"),
        ({"group_by": "side", "judgments_per_group": ["left"]}, "judgments_per_group"),
    ],
)
def test_quotas_that_cannot_be_are_refused_by_name(
    project: Project, wrong: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidAnswer) as refused:
        rules(project, **wrong)
    assert set(refused.value.errors) == {named}


@pytest.fixture
def cleaned(transactional_db: None) -> Iterator[None]:
    yield
    connections.close_all()


def test_of_many_at_once_no_more_get_in_than_are_wanted(cleaned: None) -> None:
    project = filled()
    rules(project, group_by="side", judgments_per_group={"left": 3})
    people = [person(project, f"p{number}", side="left") for number in range(8)]

    def ask(one: Any) -> None:
        try:
            queue.lease_next(fresh(one))
        except QuotaFull:
            pass
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, people))
    assert Assignment.objects.count() == 3


def test_a_person_is_told_and_owners_see_how_far_each_group_is(project: Project) -> None:
    olga = member(project, "olga", Role.OWNER)
    ada = account("ada")
    Membership.objects.create(user=ada, project=project, role=Role.ANNOTATOR)
    owner, caller = as_(olga), as_(ada)
    owner.client.patch(
        f"/api/v1{PROJECT}/",
        {"assignment": {"group_by": "side", "judgments_per_group": {"left": 1}}},
        content_type="application/json",
        headers=owner._headers(),
    )
    declare(
        annotator=project.annotators.create(user=ada, kind="person", external_id="ada"),
        attributes={"side": "left"},
    )
    leased = caller.post(f"{PROJECT}/assignments/").json()
    said = {
        "assignment": leased["id"],
        "submission_key": "12345678",
        "answer": {"choice": "1"},
        "lease_next": True,
    }
    assert caller.post(f"{PROJECT}/judgments/", said).json()["next_code"] == "quota_full"
    refused = caller.post(f"{PROJECT}/assignments/")
    assert (refused.status_code, refused.json()["code"]) == (409, "quota_full")
    (quota,) = owner.get(f"{PROJECT}/progress/").json()["quotas"]
    assert quota == {"group": "left", "judgments": 1, "wanted": 1, "beyond": 0, "is_full": True}
    assert caller.get(f"{PROJECT}/progress/").json()["quotas"] == []
    browser = Client()
    browser.force_login(ada)
    assert "as many answers as it asks for" in browser.get(f"{PROJECT}/judge/").content.decode()
    browser.force_login(olga)
    assert "1 of 1" in browser.get(f"{PROJECT}/").content.decode()
    browser.post(
        f"{PROJECT}/options/",
        {
            "form": "rules",
            "order": "priority",
            "group_by": "side",
            "judgments_per_group": "left: 7\n*: 2",
        },
    )
    project.refresh_from_db()
    assert project.options["assignment"]["judgments_per_group"] == {"left": 7, "*": 2}
