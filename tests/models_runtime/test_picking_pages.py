import json

from django.test import Client

from annotation.models import Candidate, Measurement, Role
from models_runtime import enqueue
from models_runtime.generating import run_generation
from tests.cast import World, member
from tests.models_runtime.worlds import scripted


def test_a_manager_picks_the_best_of_a_jobs_candidates(client: Client, world: World) -> None:
    job = enqueue.request_generation(world.project, scripted(world.project), per_prompt=2)
    page = f"/projects/advice/jobs/{job.public_id}/"
    client.force_login(member(world.project, "mona", Role.MANAGER))
    assert f"{page}pick/" not in client.get(page).content.decode()
    run_generation(job.pk)
    assert f"{page}pick/" in client.get(page).content.decode()

    refused = client.post(f"{page}pick/", {"selector": "best_of_n"})
    assert refused.status_code == 422
    assert "Measure its candidates first" in refused.content.decode()

    written = Candidate.objects.filter(generation__job=job)
    for candidate in written:
        Measurement.objects.create(
            candidate=candidate, name="kindness", number=candidate.pk, source="amber"
        )
    number = json.dumps(["kindness", "amber"])
    answer = client.post(f"{page}pick/", {"selector": "best_of_n", "number": number})
    assert answer["Location"] == page
    assert "Picked for 3 prompts" in client.get(page).content.decode()
    picked = Measurement.objects.filter(name="picked", number=1)
    best = {max(each.pk for each in written.filter(prompt=q.prompt)) for q in world.questions}
    assert {each.candidate_id for each in picked} == best

    client.force_login(member(world.project, "rita", Role.REVIEWER))
    assert client.get(f"{page}pick/").status_code == 403
    assert f"{page}pick/" not in client.get(page).content.decode()
