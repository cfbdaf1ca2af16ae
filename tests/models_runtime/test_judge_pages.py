"""Building, trying, starting and comparing judges; checklists in the hands of people."""

from typing import Any

import pytest
from django.test import Client

from annotation.consent import withdraw
from annotation.content import add_prompt
from annotation.models import (
    Annotator,
    AnnotatorKind,
    Judgment,
    Project,
    Question,
    Role,
    Rubric,
    User,
)
from annotation.submission import record
from models_runtime import enqueue
from models_runtime.catalogue import PROTOCOLS
from models_runtime.checklists import freeze, rewrite
from models_runtime.errors import NotPossible
from models_runtime.generating import run_generation
from models_runtime.judge_comparison import compare, rewards
from models_runtime.judge_estimates import estimate
from models_runtime.judge_planning import advise
from models_runtime.judge_words import in_words
from models_runtime.models import Generation, JudgeCall, JudgingJob
from tests.annotation.calling import as_
from tests.cast import World, make_annotator, make_project, member
from tests.models_runtime.loopback import model_server
from tests.models_runtime.test_judging_protocols import world as judged_world
from tests.models_runtime.test_judging_questions import carry_out
from tests.models_runtime.worlds import pair, scripted, served

JUDGES = "/projects/advice/judges/"
NEW = "/projects/advice/jobs/new/judgments/"


@pytest.fixture
def project(db: None) -> Project:
    made = judged_world()
    Rubric.objects.update(frozen_at="2026-01-01T00:00:00Z")
    return made


@pytest.fixture
def olga(project: Project) -> User:
    return member(project, "olga", Role.OWNER)


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, address: str, **extra: Any) -> str:
    response = client.get(address, **extra)
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def person(project: Project, name: str) -> Annotator:
    return Annotator.objects.create(
        project=project, kind=AnnotatorKind.PERSON, external_id=name, display_name=name
    )


def answered(question: Question, name: str, strength: int) -> None:
    annotator = Annotator.objects.filter(external_id=name).first() or person(question.project, name)
    key = f"{name}-{question.pk}"
    record(
        question=question, annotator=annotator, payload={"strength": strength},
        submission_key=key, source="api",
    )  # fmt: skip


def test_every_protocol_is_offered_with_its_cost_and_what_waits(
    project: Project, olga: User
) -> None:
    scripted(project)
    shown = page(browser(olga), f"{JUDGES}new/")
    for protocol in PROTOCOLS.values():
        assert protocol.title in shown
    assert "only in simulated projects" in shown
    assert "N·K·k" in shown


@pytest.mark.parametrize("slug", sorted(PROTOCOLS))
def test_every_protocol_has_a_form_of_its_options(project: Project, olga: User, slug: str) -> None:
    scripted(project)
    shown = page(browser(olga), f"{NEW}?protocol={slug}")
    for option in PROTOCOLS[slug].options_class.form_fields():
        assert f'name="option_{option.name}"' in shown
    for seat in list(PROTOCOLS[slug].seats)[1:]:
        assert f'name="seat_{seat}"' in shown


def test_an_estimate_counts_the_calls_that_will_be_made(project: Project) -> None:
    checkpoint = scripted(project)
    for slug in ("pairwise", "direct_rating", "checklist", "relative_rating", "run_off"):
        protocol = PROTOCOLS[slug]
        told = estimate(project, protocol, protocol.options_class())
        job = carry_out(enqueue.request_judging(project, checkpoint, protocol=slug))
        calls = JudgeCall.objects.filter(item__job=job).count()
        assert told.questions == job.items.count() == 2
        assert told.fewest == told.most == calls


def test_a_trial_shows_prompts_and_people_and_leaves_no_judgment(
    project: Project, olga: User
) -> None:
    checkpoint = scripted(project)
    first = Question.objects.filter(judgment_type="pairwise").first()
    assert first is not None
    answered(first, "ada", 2)
    answered(first, "bob", 2)
    client = browser(olga)
    form = {"checkpoint": str(checkpoint.public_id), "option_both_orders": "on", "try": ""}
    response = client.post(f"{NEW}?protocol=pairwise", form)
    job = JudgingJob.objects.get()
    address = f"{JUDGES}trials/{job.public_id}/"
    assert response["Location"] == address
    assert 'hx-trigger="every 2s"' in page(client, address)
    before = Judgment.objects.count()
    carry_out(job)
    shown = page(client, address)
    assert Judgment.objects.count() == before
    assert not Annotator.objects.filter(kind=AnnotatorKind.MODEL).exists()
    assert "A much better" in shown
    assert 'A better <span class="n">2</span>' in shown
    assert "&lt;&lt;&lt;RESPONSE A" in shown
    assert "You compare two responses" in shown
    assert "Verdict: [[" in shown
    assert "2 wait: 4 calls" in shown
    assert "nobody has answered this" in shown


def test_what_was_tried_can_be_started_as_it_was(project: Project, olga: User) -> None:
    checkpoint, strong = scripted(project), scripted(project, "strong")
    tried = carry_out(
        enqueue.request_judging(
            project, checkpoint, protocol="cascade", options={"ties_escalate": True},
            seats={"strong": strong}, trial=True,
        )
    )  # fmt: skip
    address = f"{JUDGES}trials/{tried.public_id}/launch/"
    response = browser(olga).post(address, {"max_cost": "2.5", "reveals": "on"})
    made = JudgingJob.objects.get(trial=False)
    assert str(made.public_id) in response["Location"]
    assert (made.protocol, made.options) == ("cascade", {"ties_escalate": True})
    assert made.seated()["strong"] == strong
    assert (made.max_cost, made.reveals) == (2.5, True)


def test_a_judge_launched_from_its_page_stops_at_its_money_cap(
    project: Project, olga: User, settings: Any
) -> None:
    """The estimate stands beside the cap; the cap ends the job, and the page says so."""
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with model_server() as server:
        judge = served(project, server.url, price_in=1e6, price_out=1e6, in_flight=1)
        tried = carry_out(enqueue.request_judging(project, judge, trial=True))
        client = browser(olga)
        shown = page(client, f"{JUDGES}trials/{tried.public_id}/")
        assert "2 wait: 4 calls" in shown
        assert "Money cap" in shown
        client.post(f"{JUDGES}trials/{tried.public_id}/launch/", {"max_cost": "1"})
        asked = server.engine.calls
        job = carry_out(JudgingJob.objects.get(trial=False))
        assert server.engine.calls == asked + 1
    assert (job.max_cost, job.state) == (1, "failed")
    assert JudgeCall.objects.filter(item__job=job).count() == 1
    told = page(client, f"/projects/advice/jobs/{job.public_id}/")
    assert "The job has spent its budget of 1 and was stopped." in told


def test_judges_are_compared_with_people_and_with_each_other(project: Project, olga: User) -> None:
    questions = list(Question.objects.filter(judgment_type="pairwise").order_by("id"))
    for question in questions:
        for name in ("ada", "bob"):
            answered(question, name, 2)
    fair, wrong = scripted(project, "fair"), scripted(project, "wrong", position_bias=-60.0)
    carry_out(enqueue.request_judging(project, fair))
    carry_out(enqueue.request_judging(project, wrong))
    best, worst = compare(project)
    assert (best.with_people.hits, best.with_people.n) == (2, 2)
    assert best.with_people.interval is not None
    assert (worst.with_people.hits, worst.with_people.n) == (0, 2)
    assert best.with_judges is not None
    assert (best.consistent.hits, best.consistent.n) == (2, 2)
    assert (worst.consistent.hits, worst.consistent.n) == (0, 2)
    shown = page(browser(olga), JUDGES)
    assert "fair (scripted)" in shown
    assert "2 pairs" in shown
    assert "needs label probabilities" in shown
    for name in ("ada", "bob"):
        withdraw(Annotator.objects.get(external_id=name))
    assert [(row.with_people.n, row.left_out) for row in compare(project)] == [(0, 4), (0, 4)]
    assert "4 judgments are left out because their authors have withdrawn" in page(
        browser(olga), JUDGES
    )
    told = as_(olga).get("/projects/advice/judges/").json()["results"]
    assert [each["judgments_left_out"] for each in told] == [4, 4]


def test_a_judge_that_likes_the_first_place_is_seen_to_contradict_itself(project: Project) -> None:
    carry_out(enqueue.request_judging(project, scripted(project, position_bias=50.0)))
    (row,) = compare(project)
    assert (row.consistent.hits, row.consistent.n) == (0, 2)


def test_without_people_agreement_is_unknown_and_never_zero(project: Project, olga: User) -> None:
    carry_out(enqueue.request_judging(project, scripted(project)))
    (row,) = compare(project)
    assert (row.with_people.value, row.with_people.n) == (None, 0)
    assert "no pair with a majority of people" in page(browser(olga), JUDGES)


def test_rewards_are_told_against_the_chosen_baselines(project: Project, olga: User) -> None:
    job = carry_out(
        enqueue.request_judging(project, scripted(project), protocol="wildbench_reward")
    )
    found = rewards(job, ["s1"])
    assert found["s0"].value == 1.0
    assert found["s0"].n == 2
    assert rewards(job, ["s0"])["s1"].value == -1.0
    shown = page(browser(olga), f"{JUDGES}{job.public_id}/rewards/?baseline=s1")
    assert "1.000" in shown


# --- Revealing ------------------------------------------------------------------------------------


def test_a_verdict_is_revealed_only_where_the_owner_chose_and_after_answering(
    project: Project,
) -> None:
    ada = member(project, "ada", Role.ANNOTATOR)
    make_annotator(project, ada)
    question = Question.objects.filter(judgment_type="pairwise").first()
    assert question is not None
    address = f"{JUDGES}verdicts/{question.public_id}/"
    carry_out(enqueue.request_judging(project, scripted(project, "quiet")))
    carry_out(enqueue.request_judging(project, scripted(project, "open"), reveals=True))
    client = browser(ada)
    assert "Nothing to show" in page(client, address)
    answered(question, "person-ada", -1)
    shown = page(client, address)
    assert "open (scripted)" in shown
    assert "quiet (scripted)" not in shown
    fragment = page(client, address, headers={"HX-Request": "true"})
    assert "open (scripted)" in fragment
    assert "<html" not in fragment
    stranger = browser(User.objects.create_user("sam", password="x"))
    assert stranger.get(address).status_code == 404


# --- Checklists -----------------------------------------------------------------------------------


def test_a_written_checklist_is_edited_frozen_and_asked(project: Project, olga: User) -> None:
    prompt = add_prompt(project=project, messages="A poem on snow?", external_id="snow")
    prompt.candidates.create(external_id="c", text="Snow.", content_hash="c", html="<p>Snow.</p>")
    job = enqueue.request_judging(project, scripted(project), protocol="checklist_writer")
    carry_out(job)
    draft = Rubric.objects.get(prompt=prompt)
    client = browser(olga)
    assert "Draft" in page(client, "/projects/advice/checklists/")
    address = f"/projects/advice/checklists/{draft.pk}/"
    assert "A poem on snow?" in page(client, address)
    client.post(address, {"text": "Is it a poem?\nIs it about snow?\n", "save": ""})
    texts = list(draft.criteria.values_list("text", flat=True))
    assert texts == ["Is it a poem?", "Is it about snow?"]
    response = client.post(
        address, {"text": "Is it a poem?\nIs it about snow?", "ask": ""}, follow=True
    )
    assert "1 question asks it" in response.content.decode()
    draft.refresh_from_db()
    assert draft.frozen_at is not None
    asked = Question.objects.get(prompt=prompt)
    assert (asked.judgment_type, asked.rubric) == ("checklist", draft)
    client.post(address, {"text": "Is it short?", "save": ""})
    newer = Rubric.objects.get(prompt=prompt, version=draft.version + 1)
    assert newer.frozen_at is None
    assert draft.criteria.count() == 2


def test_a_checklist_that_cannot_be_asked_is_refused(project: Project, olga: User) -> None:
    rubric = Rubric.objects.filter(prompt__isnull=False).first()
    assert rubric is not None
    with pytest.raises(NotPossible, match="1 to 20"):
        rewrite(rubric, [" "], user=olga)
    with pytest.raises(NotPossible, match="same"):
        rewrite(rubric, ["Is it kind?", "is it  kind?"], user=olga)
    empty = Rubric.objects.create(project=project, name="Empty", prompt=rubric.prompt)
    with pytest.raises(NotPossible, match="empty"):
        freeze(empty)


def test_people_and_judges_answer_the_same_checklist(project: Project) -> None:
    question = Question.objects.filter(judgment_type="checklist").first()
    assert question is not None
    carry_out(enqueue.request_judging(project, scripted(project), protocol="checklist"))
    judged = Judgment.objects.get(question=question)
    by_person = record(
        question=question, annotator=person(project, "ada"), payload=judged.payload,
        submission_key="k", source="api",
    ).judgment  # fmt: skip
    assert by_person.payload == judged.payload
    assert in_words("checklist", judged.payload) == "A: 3 of 3 yes; B: 0 of 3 yes"


# --- Who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "opened"),
    [
        (JUDGES, {"owner", "manager", "reviewer"}),
        (f"{JUDGES}new/", {"owner", "manager"}),
        (NEW, {"owner", "manager"}),
        ("/projects/advice/checklists/", {"owner", "manager"}),
    ],
)
def test_pages_open_for_their_roles_alone(world: World, address: str, opened: set[str]) -> None:
    members = {
        "owner": world.olga, "annotator": world.ada,
        "manager": member(world.project, "mona", Role.MANAGER),
        "reviewer": member(world.project, "rita", Role.REVIEWER),
    }  # fmt: skip
    for role, user in members.items():
        assert browser(user).get(address).status_code == (200 if role in opened else 403), role
    assert browser(world.sam).get(address).status_code == 404


def test_pages_say_what_to_do_when_there_is_nothing(world: World) -> None:
    olga = browser(world.olga)
    assert "No model yet" in page(olga, JUDGES)
    assert "No checklist yet" in page(olga, "/projects/advice/checklists/")
    assert "No model yet" in page(olga, NEW)
    scripted(world.project)
    assert "No judge yet" in page(olga, JUDGES)
    assert olga.get(f"{NEW}?protocol=coin").status_code == 404


# --- The API --------------------------------------------------------------------------------------


def test_the_same_through_the_api(project: Project, olga: User) -> None:
    caller = as_(olga)
    slugs = {each["slug"]: each for each in caller.get("/protocols/").json()}
    assert slugs["debate"]["seats"]["debater"]
    assert slugs["pairwise"]["options"][0]["name"] == "template"
    checkpoint = scripted(project)
    way = {"checkpoint": str(checkpoint.public_id), "protocol": "checklist",
           "options": {"way": "joint"}}  # fmt: skip
    told = caller.post("/projects/advice/judges/estimate/", way)
    assert told.json().pop("takes")["calls"] == 4
    counted = {name: told.json()[name] for name in ("questions", "fewest", "most", "formula")}
    assert counted == {"questions": 2, "fewest": 4, "most": 4, "formula": "N·k"}
    tried = caller.post("/projects/advice/judges/trial/", way)
    assert tried.status_code == 201
    carry_out(JudgingJob.objects.get())
    rows = caller.get(f"/projects/advice/judges/{tried.json()['id']}/tried/").json()
    assert len(rows) == 2
    assert rows[0]["verdict"] == "A: 3 of 3 yes; B: 0 of 3 yes"
    assert rows[0]["calls"][0]["messages"][0]["role"] == "system"
    assert not Judgment.objects.exists()
    made = caller.post("/projects/advice/judging-jobs/", way | {"reveals": True})
    assert made.json()["options"] == {"way": "joint"}
    carry_out(JudgingJob.objects.get(trial=False))
    (judge,) = caller.get("/projects/advice/judges/").json()["results"]
    assert judge["questions"] == 2
    assert judge["with_people"]["value"] is None
    wrong = way | {"options": {"colour": 1}}
    refused = caller.post("/projects/advice/judges/estimate/", wrong)
    assert "no option “colour”" in refused.json()["detail"]
    refused = caller.post("/projects/advice/judging-jobs/", wrong)
    assert refused.status_code == 400


# --- Solve or verify ------------------------------------------------------------------------------


def test_the_planner_counts_what_verifications_have_cost_and_says_how_to_split(
    project: Project, olga: User
) -> None:
    """On the page on which a verifying judge is built, and through the API, from the same act."""
    checkpoint = scripted(project)
    told = page(browser(olga), f"{NEW}?protocol=verification")
    assert "Solve or verify?" in told
    assert "not counted yet" in told
    assert "Solve or verify?" not in page(browser(olga), f"{NEW}?protocol=pairwise")
    carry_out(enqueue.request_judging(project, checkpoint, protocol="verification", seed=3))
    written = enqueue.request_generation(project, checkpoint, per_prompt=2, seed=3)
    while run_generation(written.pk) is not None:
        pass
    advice = advise(project, verifications=4, plateau=2, budget=200.0)
    calls = JudgeCall.objects.filter(template="verification@1")
    assert advice.counted.verifications == calls.count() > 0
    mean = sum(calls.values_list("tokens_out", flat=True)) / calls.count()
    solutions = Generation.objects.values_list("tokens_out", flat=True)
    assert advice.length == pytest.approx(mean / (sum(solutions) / len(solutions)))
    assert advice.verifies
    assert advice.plan.cost <= 200
    told = page(browser(olga), f"{NEW}?protocol=verification&plateau=2&verifications=4&budget=200")
    assert f"Write {advice.plan.solutions} solutions a prompt and verify each" in told
    below = page(browser(olga), f"{NEW}?protocol=verification&plateau=100&budget=20")
    assert "vote over them, and verify none" in below
    answer = as_(olga).get(
        f"/projects/{project.slug}/judges/plan/?plateau=2&verifications=4&budget=200"
    )
    assert answer.status_code == 200, answer.content
    told_by_api = answer.json()
    assert (told_by_api["solutions"], told_by_api["verifications"]) == (
        advice.plan.solutions, advice.plan.verifications,
    )  # fmt: skip
    assert told_by_api["verifying_pays_from"] == 16


# --- Several judges -------------------------------------------------------------------------------


def compared_by_people(count: int = 24) -> Project:
    """Pairs of planted worth that a person has judged by it."""
    made = make_project("advice")
    for number in range(count):
        worth = 1 if number % 2 else -1
        question = pair(made, number, f"One. ⟦u={worth}⟧", f"Other. ⟦u={-worth}⟧")
        answered(question, "ada", 2 * worth)
    return made


@pytest.mark.django_db
def test_a_jury_learns_its_weights_from_what_its_jurors_and_people_said() -> None:
    made = compared_by_people()
    good, contrary = scripted(made, "good"), scripted(made, "contrary", position_bias=50.0)
    jury: dict[str, Any] = {
        "protocol": "jury", "options": {"jurors": 2, "agreement": "learned"},
        "seats": {"juror_2": contrary},
    }  # fmt: skip
    with pytest.raises(NotPossible, match="good .scripted. has judged 0 pairs"):
        enqueue.request_judging(made, good, **jury)
    for each in (good, contrary):
        carry_out(enqueue.request_judging(made, each, seed=3))
    job = enqueue.request_judging(made, good, seed=3, **jury)
    assert job.options["agreement"] == "1.0000, 0.0000"
    carry_out(job)
    told = {row.name: row for row in compare(made)}
    (jurys,) = (row for name, row in told.items() if "jury" in name)
    assert jurys.with_people.value == 1.0


@pytest.mark.django_db
def test_a_cascades_cost_line_is_drawn_from_two_judges_and_people() -> None:
    made = compared_by_people()
    cheap, strong = scripted(made, "cheap", position_bias=50.0), scripted(made, "strong")
    jobs = [carry_out(enqueue.request_judging(made, each, seed=3)) for each in (cheap, strong)]
    olga = member(made, "olga", Role.OWNER)
    asked = f"?cheap={jobs[0].public_id}&strong={jobs[1].public_id}"
    told = page(browser(olga), f"{JUDGES}{asked}")
    assert "24 pairs that both and people have judged" in told
    assert "assumed: there are no prices" in told
    found = as_(olga).get(f"/projects/advice/judges/cascade/{asked}").json()
    never, always = found["points"][0], found["points"][-1]
    assert (never["share"], never["cost"], never["agreement"]) == (0, 1, 0)
    assert (always["share"], always["cost"], always["agreement"]) == (1, 11, 1)
    empty = as_(olga).get(
        f"/projects/advice/judges/cascade/?cheap={jobs[0].public_id}&strong={made.slug}"
    )
    assert empty.status_code == 400


@pytest.mark.django_db
def test_personas_are_said_to_be_as_few_voices_as_they_are() -> None:
    made = make_project("advice", is_simulated=True)
    for number in range(8):
        worth = 1 if number % 2 else -1
        pair(made, number, f"One. ⟦u={worth}⟧", f"Other. ⟦u={-worth}⟧")
    model = scripted(made)
    for persona in ("Mara | rents | fairness", "Jonas | law | exactness"):
        carry_out(
            enqueue.request_judging(
                made, model, protocol="persona", options={"persona": persona}, seed=3
            )
        )
    olga = member(made, "olga", Role.OWNER)
    told = as_(olga).get("/projects/advice/judges/voices/").json()
    assert told == {"count": 2, "effective": pytest.approx(1.0), "questions": 8}
    assert "2 personas are worth 1.0 independent voices" in page(browser(olga), JUDGES)
