"""Studies as jobs: criteria mined from people's choices, councils, pairs by a loop."""

from typing import Any

import pytest
from django.db import Error

from annotation.models import (
    Annotator,
    AnnotatorKind,
    Candidate,
    Judgment,
    Project,
    Question,
    Role,
    WorkState,
)
from annotation.submission import record
from models_runtime import enqueue, tasks
from models_runtime.catalogue import PROTOCOLS, STUDIES
from models_runtime.checklists import checklists_of, freeze, rewrite
from models_runtime.errors import NotPossible
from models_runtime.judge_estimates import estimate
from models_runtime.judging.protocol import JudgingProtocol
from models_runtime.models import Checkpoint, JudgeCall, StudyCall, StudyItem, StudyJob
from models_runtime.study_requests import expected, make_rubric, request_study, take_in
from models_runtime.studying import Table, run_study
from tests.annotation.calling import as_
from tests.cast import make_project, member
from tests.models_runtime.loopback import model_server
from tests.models_runtime.test_judge_pages import browser, page
from tests.models_runtime.test_judging_questions import carry_out
from tests.models_runtime.worlds import pair, project_with_prompts, scripted, served

pytestmark = pytest.mark.django_db
MANY = 30


def judged(count: int = MANY, people: int = 2) -> Project:
    """Pairs that people have answered by their planted worth."""
    project = make_project("mined")
    annotators = [
        Annotator.objects.create(
            project=project, kind=AnnotatorKind.PERSON, external_id=f"person-{n}"
        )
        for n in range(people)
    ]
    for number in range(count):
        worth = (1, -1) if number % 2 else (-1, 1)
        asked = pair(project, number, *(f"Text {number}. ⟦u={u}⟧" for u in worth))
        for person in annotators:
            record(
                question=asked, annotator=person, payload={"strength": 2 * worth[0]},
                submission_key=f"{person.pk}-{number}", source="import",
            )  # fmt: skip
    return project


def council(project: Project, **fields: Any) -> tuple[Checkpoint, list[Checkpoint]]:
    """Three members of three families, of clearly different worth."""
    made = [
        enrolled(project, name, quality=quality)
        for name, quality in (("acme/strong", 0.9), ("boreal/fair", 0.0), ("coral/poor", -0.9))
    ]
    return made[0], made[1:]


def enrolled(project: Project, name: str, **options: Any) -> Checkpoint:
    return scripted(project, name, spread=0.1, **options)


def carried(job: StudyJob) -> StudyJob:
    while not job.is_final:
        StudyItem.objects.update(not_before=None)
        StudyJob.objects.update(not_before=None)
        tasks.run_study.apply(args=(job.pk,)).get()
        job.refresh_from_db()
    return job


# --- Criteria -------------------------------------------------------------------------------------


def test_criteria_are_mined_from_thirty_pairs_and_become_a_rubric_that_judges_use() -> None:
    project = judged()
    model = scripted(project)
    before = Judgment.objects.count()
    job = carried(request_study(project, model, study="criteria_mining", seed=3))
    assert (job.state, job.error) == (WorkState.DONE, "")
    assert Judgment.objects.count() == before
    result = job.result()
    assert result is not None
    held = result["held_out"]
    assert (held["right"], held["n"], held["accuracy"]) == (10, 10, 1.0)
    assert held["interval"][0] == pytest.approx(0.722, abs=1e-3)
    assert result["criteria"]
    for each in result["criteria"]:
        assert each["train"]["pairs"] == 20
        assert each["train"]["accuracy"] >= 0.75
        assert each["train"]["coverage"] >= 0.5
    rubric = make_rubric(job, user=None)
    assert make_rubric(job, user=None) == rubric
    assert [c.text for c in rubric.criteria.all()] == [e["text"] for e in result["criteria"]]
    relative: JudgingProtocol = PROTOCOLS["relative_rating"]
    assert not estimate(project, relative, relative.options_class()).questions
    texts = [each.text for each in rubric.criteria.all()][:2]
    edited = rewrite(rubric, texts, user=member(project, "olga", Role.OWNER))
    assert edited in checklists_of(project)
    freeze(edited)
    assert [e.weight for e in edited.criteria.all()] == [
        pytest.approx(e["weight"]) for e in result["criteria"][:2]
    ]
    waits = estimate(project, relative, relative.options_class())
    assert (waits.questions, waits.most) == (MANY, MANY * 2 * 2)
    carry_out(enqueue.request_judging(project, model, protocol="relative_rating", seed=3))
    assert JudgeCall.objects.filter(step__startswith="criterion-1/").count() == MANY * 2
    assert JudgeCall.objects.count() == waits.most


def test_mining_needs_twenty_pairs_with_a_majority() -> None:
    project = judged(19)
    with pytest.raises(NotPossible, match="needs 20 pairs.*there are 19"):
        request_study(project, scripted(project), study="criteria_mining")


def test_a_study_costs_no_more_calls_than_it_says() -> None:
    project = judged()
    model = scripted(project)
    fields: dict[str, Any] = {"study": "criteria_mining", "options": {"criteria": 3}}
    takes = expected(project, model, **fields)
    carried(request_study(project, model, seed=3, **fields))
    assert takes.fewest <= StudyCall.objects.count() <= takes.most


# --- Councils -------------------------------------------------------------------------------------


def test_a_council_proposes_answers_judges_and_ranks_its_members() -> None:
    project = make_project("council")
    first, others = council(project)
    fields: dict[str, Any] = {"study": "council", "members": others, "options": {"proposed": 4}}
    takes = expected(project, first, **fields)
    job = carried(request_study(project, first, seed=3, **fields))
    assert (job.state, job.error) == (WorkState.DONE, "")
    result = job.result()
    assert result is not None
    assert [each["name"] for each in result["ranking"]] == [
        "acme/strong (scripted)", "boreal/fair (scripted)", "coral/poor (scripted)",
    ]  # fmt: skip
    assert len(result["prompts"]) == 12
    assert (result["pairs"], result["games"], result["unjudged"]) == (36, 36, 0)
    assert 0 <= result["separability"] <= 1
    assert all(each["consistency"] == 1.0 for each in result["judges"])
    calls = StudyCall.objects.all()
    assert calls.count() == takes.fewest == takes.most == 3 + 3 + 12 * 3 + 36 * 2
    for call in calls.filter(step__startswith="judge/"):
        _, _, one, other, judge, _ = call.step.split("/")
        assert call.seat == judge
        assert judge not in (one, other)


def test_nobody_judges_the_answers_of_its_own_family() -> None:
    project = make_project("kin")
    first, others = council(project)
    cousin = enrolled(project, "acme/small", quality=0.2)
    job = carried(
        request_study(
            project, first, study="council", members=[*others, cousin], seed=3,
            options={"proposed": 1, "criteria": 0},
        )
    )  # fmt: skip
    families = {seat: each.family for seat, each in job.seated().items()}
    steps = StudyCall.objects.filter(step__startswith="judge/").values_list("step", flat=True)
    assert steps
    for step in steps:
        _, _, one, other, judge, _ = step.split("/")
        assert families[judge] not in {families[one], families[other]}
    result = job.result()
    assert result is not None
    assert result["unjudged"] == 0


def test_a_council_that_nobody_could_judge_is_refused() -> None:
    project = make_project("two")
    first = enrolled(project, "acme/strong")
    with pytest.raises(NotPossible, match="needs 3 to"):
        request_study(project, first, study="council", members=[enrolled(project, "boreal/fair")])
    kin = [enrolled(project, name) for name in ("acme/two", "acme/three")]
    with pytest.raises(NotPossible, match="three families"):
        request_study(project, first, study="council", members=kin)


def test_what_a_council_wrote_can_be_put_to_people_once() -> None:
    project = make_project("taken")
    first, others = council(project)
    fields: dict[str, Any] = {"study": "council", "options": {"proposed": 1}, "members": others}
    job = carried(request_study(project, first, seed=3, **fields))
    assert take_in(job) == Question.objects.filter(project=project).count() == 9
    assert Candidate.objects.count() == 9
    with pytest.raises(NotPossible, match="already"):
        take_in(job)


# --- The loop -------------------------------------------------------------------------------------


def test_a_loop_makes_pairs_with_what_the_tools_found() -> None:
    project = project_with_prompts(3)
    target, judge = scripted(project, "target", spread=1.5), scripted(project, "judge")
    fields: dict[str, Any] = {"study": "preference_loop", "seats": {"target": target}}
    takes = expected(project, judge, **fields)
    job = carried(request_study(project, judge, seed=3, **fields))
    result = job.result()
    assert result is not None
    assert result["n"] == 3
    for each in result["pairs"]:
        assert each["reward"] is not None
        assert each["chosen"] != each["rejected"]
        assert all(len(turn["tools"]) == len(turn["answers"]) for turn in each["rounds"])
    assert takes.fewest <= StudyCall.objects.count() <= takes.most
    assert take_in(job) == 3


# --- As work --------------------------------------------------------------------------------------


def test_a_killed_study_goes_on_from_its_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that dies after a round: the next asks only what is missing."""
    project = make_project("killed")
    first, others = council(project)
    fields: dict[str, Any] = {"study": "council", "options": {"proposed": 1}, "members": others}
    job = request_study(project, first, seed=3, **fields)
    asked = 0
    whole = Table._ask

    def dies(table: Table, seat: str, some: Any) -> None:
        nonlocal asked
        if asked == 4:
            raise KeyboardInterrupt
        asked += 1
        whole(table, seat, some)

    with monkeypatch.context() as patched:
        patched.setattr(Table, "_ask", dies)
        with pytest.raises(KeyboardInterrupt):
            run_study(job.pk)
    kept = StudyCall.objects.count()
    assert kept > 0
    carried(job)
    assert job.state == WorkState.DONE
    steps = list(StudyCall.objects.values_list("step", "kind", "sample"))
    assert len(steps) == len(set(steps)) == expected(project, first, **fields).most


def test_a_study_is_the_same_behind_a_server(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    project = judged()
    fields: dict[str, Any] = {"study": "criteria_mining", "seed": 3, "options": {"criteria": 2}}
    near = carried(request_study(project, scripted(project), **fields))
    with model_server() as server:
        far = carried(request_study(project, served(project, server.url, in_flight=4), **fields))
    assert far.state == WorkState.DONE
    assert far.result() == near.result()


def test_garbage_is_no_criterion_and_a_cap_ends_a_study() -> None:
    project = judged()
    mute = carried(request_study(project, scripted(project, garbage_rate=1.0),
                                 study="criteria_mining", seed=3))  # fmt: skip
    result = mute.result()
    assert result is not None
    assert result["criteria"] == []
    assert "could not be read" in result["cause"]
    with pytest.raises(NotPossible, match="found no criteria"):
        make_rubric(mute, user=None)
    with pytest.raises(NotPossible, match="A budget"):
        request_study(project, scripted(project, "b"), study="criteria_mining", max_cost=-1.0)


def test_a_money_cap_stops_a_study_and_keeps_its_calls(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    project = judged()
    with model_server() as server:
        model = served(project, server.url, price_in=1e6, price_out=1e6)
        job = carried(request_study(project, model, study="criteria_mining", seed=3, max_cost=1.0))
    assert job.state == WorkState.FAILED
    assert "spent its budget" in job.error
    takes = expected(project, model, study="criteria_mining")
    assert 0 < StudyCall.objects.count() < takes.fewest
    assert job.result() is None


def test_calls_are_only_ever_added() -> None:
    project = judged()
    carried(request_study(project, scripted(project), study="criteria_mining", seed=3))
    with pytest.raises(Error, match="append"):
        StudyCall.objects.all()[0].delete()


# --- Doors ----------------------------------------------------------------------------------------

STUDY_PAGES = "/projects/mined/judges/studies/"
API = "/projects/mined/studies/"


def test_a_study_from_its_page_to_a_rubric() -> None:
    project = judged()
    model = scripted(project)
    olga = browser(member(project, "olga", Role.OWNER))
    assert "Language Model Council" in page(olga, STUDY_PAGES)
    form = {
        "checkpoint": str(model.public_id),
        "option_criteria": "3",
        "option_repairs": "on",
        "seed": "3",
    }
    asked = olga.post(f"{STUDY_PAGES}new/?study=criteria_mining", {**form, "estimate": ""})
    assert (asked.status_code, StudyJob.objects.count()) == (200, 0)
    assert "30 pairs" in asked.content.decode()
    assert "assumed: this model has answered nothing here yet" in asked.content.decode()
    olga.post(f"{STUDY_PAGES}new/?study=criteria_mining", {**form, "start": ""})
    job = StudyJob.objects.get()
    assert job.options == {"criteria": 3}
    assert "calls so far" in page(olga, f"{STUDY_PAGES}{job.public_id}/")
    carried(job)
    told = page(olga, f"{STUDY_PAGES}{job.public_id}/")
    assert "Together they explain 10 of 10 pairs" in told
    went = olga.post(f"{STUDY_PAGES}{job.public_id}/rubric/")
    job.refresh_from_db()
    assert job.rubric is not None
    assert went["Location"].endswith(f"/checklists/{job.rubric.pk}/")
    assert "mined from people" in page(olga, went["Location"])
    assert olga.get(f"{STUDY_PAGES}{job.public_id}/result.json").json()["result"] == job.result()


def test_a_councils_page_tells_its_figures() -> None:
    project = make_project("mined")
    first, others = council(project)
    olga = browser(member(project, "olga", Role.OWNER))
    form = {
        "checkpoint": str(first.public_id), "option_proposed": "1", "option_criteria": "1",
        "members": [str(each.public_id) for each in others], "option_topic": "rent", "start": "",
        "option_repairs": "on",
    }  # fmt: skip
    made = olga.post(f"{STUDY_PAGES}new/?study=council", form)
    assert made.status_code == 302, made.content.decode()
    job = carried(StudyJob.objects.get())
    told = page(olga, f"{STUDY_PAGES}{job.public_id}/")
    for words in ("Separability", "Affinity", "Same in both orders", "acme/strong"):
        assert words in told
    olga.post(f"{STUDY_PAGES}{job.public_id}/take-in/")
    assert Question.objects.filter(project=project).count() == 9


def test_studies_through_the_api() -> None:
    project = judged()
    model = scripted(project)
    caller = as_(member(project, "olga", Role.OWNER))
    kinds = {each["slug"] for each in caller.get("/studies/").json()}
    assert kinds == set(STUDIES)
    asked = {"study": "criteria_mining", "checkpoint": str(model.public_id), "seed": 3}
    told = caller.post(f"{API}estimate/", asked)
    assert told.json()["pieces"] == MANY
    assert told.json()["takes"]["calls"] == told.json()["most"]
    made = caller.post(API, asked)
    assert made.status_code == 201, made.content
    carried(StudyJob.objects.get())
    found = caller.get(f"{API}{made.json()['id']}/").json()
    assert found["state"] == "done"
    assert found["result"]["held_out"]["n"] == 10
    rubric = caller.post(f"{API}{made.json()['id']}/rubric/")
    assert rubric.status_code == 200, rubric.content
    assert rubric.json()["criteria"]
    refused = caller.post(f"{API}{made.json()['id']}/take-in/")
    assert refused.status_code == 409
    bad = caller.post(API, {**asked, "seats": {"nobody": str(model.public_id)}})
    assert "no seat" in bad.json()["detail"]
    reader = as_(member(project, "rita", Role.REVIEWER))
    assert reader.post(API, asked).status_code == 403
