import pytest
from django.test import Client

from annotation.content import add_prompt
from annotation.models import Measurement, Project, Role
from models_runtime import enqueue
from models_runtime.errors import NotPossible
from models_runtime.iterating import iterations_of
from models_runtime.iterations import Attempt, balance_score, separation, summarise
from models_runtime.models import GenerationJob
from models_runtime.models.prompt_making import PARAPHRASE
from models_runtime.picking_inputs import Input
from models_runtime.prompt_requests import request_prompts
from models_runtime.votes import majority, rewards_by, twin_rewards
from models_runtime.voting import TWINS, reward_votes
from tests.annotation.calling import as_
from tests.cast import make_project, member
from tests.models_runtime.test_generating import carry_out
from tests.models_runtime.test_prompt_making import carry_out as write_prompts
from tests.models_runtime.worlds import project_with_prompts, scripted

# --- Pure -----------------------------------------------------------------------------------------


def test_a_rollout_earns_by_the_commonest_answer() -> None:
    answers = ["12", "12.0", "13", None]
    vote = majority(answers)
    assert (vote.answer, vote.share, vote.n) == ("12", 0.5, 4)
    assert rewards_by(vote, answers) == [1.0, 1.0, 0.0, 0.0]


def test_a_tie_or_silence_says_nothing() -> None:
    assert majority(["1", "2"]).answer is None
    assert rewards_by(majority([None, None]), [None, None]) is None


def test_twins_earn_by_each_others_vote_and_not_by_their_own() -> None:
    first, second = ["4", "4", "5"], ["5", "5", "4"]
    assert twin_rewards(first, second) == ([0.0, 0.0, 1.0], [0.0, 0.0, 1.0])
    assert twin_rewards(first, ["1", "2"]) == (None, [0.0, 0.0])


def attempts(*rows: tuple[str, bool, float | None]) -> list[Attempt]:
    return [Attempt(*row) for row in rows]


def test_separation_is_the_chance_that_right_beats_wrong() -> None:
    found = attempts(("a", True, 0.9), ("b", True, 0.4), ("c", False, 0.4), ("d", False, 0.1))
    assert separation(found) == pytest.approx((1 + 1 + 0.5 + 1) / 4)
    assert separation(found[:2]) is None


def test_balance_falls_with_wrong_ones_and_too_few_and_copies_are_one() -> None:
    right = attempts(("a", True, 1.0), ("b", True, 1.0))
    assert balance_score(right, least=0.5, target=2) == 1
    assert balance_score(right, least=0.5, target=4) == pytest.approx(0.5)
    copies = attempts(("a", True, 1.0), ("a", True, 1.0))
    assert balance_score(copies, least=0.5, target=2) == pytest.approx(0.5)
    wrong = [*right, *attempts(("c", False, 0.6), ("d", False, 0.2))]
    assert balance_score(wrong, least=0.5, target=2) == pytest.approx(2 / 3)
    assert balance_score(wrong, least=2.0, target=2) == 0
    assert balance_score(attempts(("a", True, None)), least=0.0, target=1) is None


def test_an_iteration_is_the_mean_over_its_prompts() -> None:
    one = attempts(("a", True, 0.9), ("b", True, 0.8), ("c", False, 0.95))
    two = attempts(("d", False, 0.3), ("e", False, 0.1))
    found = summarise([one, two, []], least=0.5, target=2)
    assert (found.prompts, found.attempts, found.separable) == (2, 5, 1)
    assert (found.found, found.distinct_correct, found.accuracy) == (0.5, 1.0, 0.4)
    assert found.best_accuracy == 0
    assert found.separation == 0
    assert found.balance == pytest.approx((1.0 * 2 / 3 + 0) / 2)
    with pytest.raises(ValueError, match="no attempt"):
        summarise([[]])


# --- Projects -------------------------------------------------------------------------------------

pytestmark = pytest.mark.django_db


def sums(count: int = 6) -> Project:
    project = make_project("sums")
    for n in range(count):
        add_prompt(
            project=project, messages=f"What is {11 + 7 * n} + {12 + 5 * n}?", external_id=f"s{n}"
        )
    return project


def answered(project: Project, *, n: int = 7, **options: float) -> GenerationJob:
    checkpoint = scripted(project, f"m{options}"[:40], **{"quality": 0.6, "spread": 0.3, **options})
    return carry_out(enqueue.request_generation(project, checkpoint, per_prompt=n, seed=2))


def right_by_sum(project: Project) -> None:
    for job in GenerationJob.objects.filter(project=project):
        for each in job.generations.select_related("candidate__prompt"):
            a, b = (
                int(word.strip("?")) for word in each.candidate.prompt.last_text().split()[2::2]
            )
            number = float(f"answer is {a + b}." in each.candidate.text)
            Measurement.objects.create(
                candidate=each.candidate, name="right", source="sums", number=number
            )


def test_votes_are_measurements_that_say_where_they_came_from() -> None:
    project = sums()
    answered(project)
    right_by_sum(project)
    voted = reward_votes(project)
    assert (voted.asked, voted.pairs) == (6, None)
    assert voted.prompts + voted.tied + voted.without_answer == 6
    rows = Measurement.objects.filter(name="majority_vote")
    assert rows.count() == voted.rewarded == 7 * voted.prompts
    assert all(each.scoring.combination == voted.made for each in rows.select_related("scoring"))
    right = dict(Measurement.objects.filter(name="right").values_list("candidate", "number"))
    agreed = [right[each.candidate_id] == each.number for each in rows]
    assert sum(agreed) / len(agreed) > 0.8


def test_twins_vote_for_each_other() -> None:
    project = sums(4)
    write_prompts(request_prompts(project, scripted(project), kind=PARAPHRASE))
    with pytest.raises(NotPossible, match="no candidate that could vote"):
        reward_votes(project, kind=TWINS)
    answered(project)
    voted = reward_votes(project, kind=TWINS)
    assert (voted.pairs, voted.asked) == (4, 8)
    assert voted.agreeing is not None
    assert 0 < voted.agreeing <= 4
    assert Measurement.objects.filter(name="twin_vote").count() == voted.rewarded


def test_without_answers_or_twins_a_vote_is_refused_with_the_reason() -> None:
    project = project_with_prompts(2)
    carry_out(enqueue.request_generation(project, scripted(project), per_prompt=2))
    with pytest.raises(NotPossible, match="No prompt has an answer"):
        reward_votes(project)
    with pytest.raises(NotPossible, match="No prompt here has a twin"):
        reward_votes(project, kind=TWINS)


def test_iterations_tell_a_better_model_from_a_worse_one() -> None:
    project = sums(8)
    for quality in (-0.2, 1.2):
        answered(project, quality=quality)
    right_by_sum(project)
    for each in Measurement.objects.filter(name="right"):
        Measurement.objects.create(
            candidate=each.candidate, name="reward", source="x", number=(each.number or 0) + 0.1
        )
    worse, better = iterations_of(project, correct=Input("right"), reward=Input("reward"))
    assert worse.found is not None
    assert better.found is not None
    assert better.found.accuracy > worse.found.accuracy + 0.2
    assert better.found.distinct_correct > worse.found.distinct_correct
    assert worse.found.separation == 1
    assert worse.unknown == 0
    with pytest.raises(NotPossible, match="no number called “truth”"):
        iterations_of(project, correct=Input("truth"))


def test_the_page_lets_candidates_vote_and_shows_the_iterations(client: Client) -> None:
    project = sums(3)
    client.force_login(member(project, "mara", Role.OWNER))
    page = f"/projects/{project.slug}/iterations/"
    assert "No model has written candidates here yet" in client.get(page).content.decode()
    answered(project)
    assert "let them vote, first" in client.get(page).content.decode()
    assert client.post(f"{page}vote/", {"majority": "1"})["Location"] == page
    shown = client.get(page).content.decode()
    assert "candidates have the number “majority_vote”" in shown
    assert "no reward" in shown
    client.force_login(member(project, "rita", Role.REVIEWER))
    assert client.get(page).status_code == 200
    assert client.post(f"{page}vote/", {"majority": "1"}).status_code == 403


def test_the_api_votes_and_reads_iterations() -> None:
    project = sums(3)
    answered(project)
    owner = as_(member(project, "mara", Role.OWNER))
    url = f"/projects/{project.slug}"
    made = owner.post(f"{url}/votes/", {"kind": "majority"})
    assert made.status_code == 201
    assert made.json()["rewarded"] == Measurement.objects.count()
    (found,) = owner.get(f"{url}/iterations/").json()
    assert found["prompts"] == made.json()["prompts"]
    assert found["separation"] is None
    assert owner.post(f"{url}/votes/", {"kind": "twins"}).status_code == 400
    assert owner.get(f"{url}/iterations/", correct="truth").status_code == 400
