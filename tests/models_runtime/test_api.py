import pytest

from annotation.models import Candidate, Judgment, Role
from annotation.tokens import Scope
from models_runtime.generating import run_generation
from models_runtime.judging_questions import run_judging
from models_runtime.models import Checkpoint, GenerationJob, JudgingJob, ScoringJob
from models_runtime.scoring import run_scoring
from tests.annotation.calling import Caller, as_
from tests.cast import World, member
from tests.models_runtime.worlds import scripted

PROJECT = "/projects/advice"


@pytest.fixture
def olga(world: World) -> Caller:
    return as_(world.olga)


def test_the_engines_are_listed_with_what_is_missing(olga: Caller) -> None:
    engines = {engine["slug"]: engine for engine in olga.get("/engines/").json()}
    assert engines["scripted"]["is_scripted"] is True
    assert engines["scripted"]["unavailable"] is None
    assert engines["openai_compatible"]["needs_url"] is True


def test_from_a_checkpoint_to_candidates(world: World, olga: Caller) -> None:
    made = olga.post(
        f"{PROJECT}/checkpoints/",
        {"name": "amber", "engine": "scripted", "model": "amber", "options": {"tau": 0.4}},
    )
    assert made.status_code == 201
    assert (made.json()["is_scripted"], made.json()["options"]) == (True, {"tau": 0.4})
    asked = olga.post(
        f"{PROJECT}/generation-jobs/",
        {"checkpoint": made.json()["id"], "per_prompt": 2, "temperature": 0.5},
    )
    assert asked.status_code == 201
    assert asked.json()["state"] == "queued"
    assert asked.json()["progress"]["waiting"] == 6
    run_generation(GenerationJob.objects.get().pk)
    job = olga.get(f"{PROJECT}/generation-jobs/{asked.json()['id']}/").json()
    assert (job["state"], job["progress"]["done"], job["causes"]) == ("done", 6, [])
    assert job["spent"]["tokens_out"] > 0
    assert Candidate.objects.filter(generation__isnull=False).count() == 6


def test_a_model_judges(world: World, olga: Caller) -> None:
    checkpoint = scripted(world.project)
    asked = olga.post(f"{PROJECT}/judging-jobs/", {"checkpoint": str(checkpoint.public_id)})
    assert asked.status_code == 201
    run_judging(JudgingJob.objects.get().pk)
    (job,) = olga.get(f"{PROJECT}/judging-jobs/", state="done").json()["results"]
    assert job["progress"]["done"] == Judgment.objects.count() == 3
    again = olga.post(f"{PROJECT}/judging-jobs/", {"checkpoint": str(checkpoint.public_id)})
    assert again.status_code == 400
    assert "hasn't judged in this way" in again.json()["detail"]


def test_every_way_of_drawing_tokens_can_be_asked_for(world: World, olga: Caller) -> None:
    checkpoint = str(scripted(world.project).public_id)
    drawn = {"temperature": 0.7, "top_p": 0.9, "top_k": 40, "min_p": 0.05, "stop": ["\tEnd", "Q:"]}
    asked = olga.post(f"{PROJECT}/generation-jobs/", {"checkpoint": checkpoint, **drawn})
    assert asked.status_code == 201
    assert asked.json()["sampling"] == {"max_tokens": 512, **drawn}
    assert GenerationJob.objects.get().read_sampling().stop == ("\tEnd", "Q:")
    five = olga.post(
        f"{PROJECT}/generation-jobs/", {"checkpoint": checkpoint, "stop": ["a", "b", "c", "d", "e"]}
    )
    assert five.status_code == 400


def test_a_model_measures(world: World, olga: Caller) -> None:
    checkpoint = scripted(world.project)
    asked = olga.post(
        f"{PROJECT}/scoring-jobs/",
        {"checkpoint": str(checkpoint.public_id), "scorer": "reward_spread",
         "settings": {"draws": 5}},
    )  # fmt: skip
    assert asked.status_code == 201
    assert asked.json()["settings"] == {"method": "dropout", "draws": 5, "rate": 0.1}
    run_scoring(ScoringJob.objects.get().pk)
    (job,) = olga.get(f"{PROJECT}/scoring-jobs/", state="done").json()["results"]
    assert {each["name"] for each in job["measured"]} == {"reward", "reward_spread"}
    assert all(each["count"] == Candidate.objects.count() for each in job["measured"])
    wrong = olga.post(
        f"{PROJECT}/scoring-jobs/",
        {"checkpoint": str(checkpoint.public_id), "scorer": "reward", "settings": {"x": 1}},
    )
    assert wrong.status_code == 400
    assert "Unknown option" in wrong.json()["detail"]


def test_cancelling_and_going_on(world: World, olga: Caller) -> None:
    checkpoint = scripted(world.project)
    body = {"checkpoint": str(checkpoint.public_id)}
    job = olga.post(f"{PROJECT}/generation-jobs/", body).json()
    address = f"{PROJECT}/generation-jobs/{job['id']}"
    assert olga.post(f"{address}/reopen/").status_code == 409
    assert olga.post(f"{address}/cancel/").json()["state"] == "cancelled"
    assert olga.post(f"{address}/reopen/").json()["state"] == "queued"


def test_bad_requests_say_what_is_wrong(world: World, olga: Caller) -> None:
    retired = scripted(world.project)
    retired.retired_at = retired.created_at
    retired.save()
    answers = [
        olga.post(f"{PROJECT}/checkpoints/", {"name": "x", "engine": "abacus", "model": "x"}),
        olga.post(
            f"{PROJECT}/checkpoints/",
            {"name": "x", "engine": "scripted", "model": "x", "options": {"xyz": 1}},
        ),
        olga.post(f"{PROJECT}/generation-jobs/", {"checkpoint": str(retired.public_id)}),
        olga.post(f"{PROJECT}/generation-jobs/", {"per_prompt": 1}),
    ]
    assert [answer.status_code for answer in answers] == [400] * 4
    assert "Unknown option 'xyz'" in answers[1].json()["errors"]["options"][0]
    assert not GenerationJob.objects.exists()
    assert Checkpoint.objects.count() == 1


def test_what_a_token_or_a_role_does_not_allow(world: World) -> None:
    checkpoint = scripted(world.project)
    body = {"checkpoint": str(checkpoint.public_id)}
    assert as_(world.olga, Scope.READ).post(f"{PROJECT}/judging-jobs/", body).status_code == 403
    assert as_(world.ada).post(f"{PROJECT}/judging-jobs/", body).status_code == 403
    assert as_(world.sam).get(f"{PROJECT}/judging-jobs/").status_code == 404
    manager = as_(member(world.project, "mona", Role.MANAGER))
    assert manager.post(f"{PROJECT}/judging-jobs/", body).status_code == 201
    new = {"name": "x", "engine": "scripted", "model": "x"}
    assert manager.post(f"{PROJECT}/checkpoints/", new).status_code == 403


def test_a_retired_checkpoint_stays_readable(world: World, olga: Caller) -> None:
    checkpoint = scripted(world.project)
    answer = olga.post(f"{PROJECT}/checkpoints/{checkpoint.public_id}/retire/")
    assert answer.json()["retired_at"] is not None
    assert olga.get(f"{PROJECT}/checkpoints/{checkpoint.public_id}/").status_code == 200
