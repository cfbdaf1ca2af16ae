import math

import pytest

from annotation.models import Candidate, Measurement, Prompt, Role
from models_runtime.diversity_of_projects import diversity_of
from models_runtime.errors import NotPossible
from tests.annotation.calling import as_
from tests.cast import World, member

pytestmark = pytest.mark.django_db

HALF = [0.5, math.sqrt(3) / 2]  # 60° from [1, 0]


@pytest.fixture
def measured(world: World) -> World:
    """Of the prompt about noise two candidates by two writers, and two more by the first: its own
    again, and one at 60° to it. Those of the other prompts have no vector."""
    prompt = Prompt.objects.get(external_id="prompt-noise")
    first, second = prompt.candidates.order_by("pk")
    vectors = {first: [1.0, 0.0], second: [0.0, 1.0]}
    for name, text, vector in (
        ("again", first.text + "!", [1.0, 0.0]),
        ("other", "Close the window at night.", HALF),
    ):
        candidate = Candidate.objects.create(
            prompt=prompt,
            external_id=name,
            system=first.system,
            text=text,
            content_hash=name,
            html="",
        )
        vectors[candidate] = vector
    for candidate, vector in vectors.items():
        Measurement.objects.create(
            candidate=candidate, name="embedding", source="encoder", vector=vector
        )
    return world


def test_scores_are_told_per_prompt_and_writer_with_their_n(measured: World) -> None:
    found = diversity_of(measured.project, order=2)
    everyone, first, second = found.varieties
    assert (everyone.prompt, everyone.system, everyone.n) == ("prompt-noise", "", 4)
    assert (first.system, first.n) == ("system-0", 3)
    # Cosines 1, 1/2, 1/2 among three: 9 / (3 + 2 (1 + 1/4 + 1/4)).
    assert first.score == pytest.approx(9 / 6)
    assert (second.system, second.n) == ("system-1", 1)
    assert second.score == pytest.approx(1)
    assert (found.n, found.without, found.source) == (4, 4, "encoder")
    (writer,) = found.writers
    assert (writer.system, writer.prompts, writer.n) == ("system-0", 1, 3)
    assert (writer.mean_score, writer.mean_per_candidate) == pytest.approx((1.5, 0.5))
    assert found.duplicates is None


def test_near_duplicates_are_named_for_one_prompt(measured: World) -> None:
    found = diversity_of(measured.project, prompt="prompt-noise")
    assert found.duplicates is not None
    by_letters, by_both = found.duplicates
    assert (by_letters.first, by_letters.second) == ("noise-0", "noise-1")
    assert (by_letters.cosine, by_letters.edits) == (0, 1 / len("Answer 0 to noise."))
    assert (by_both.first, by_both.second) == ("noise-0", "again")
    assert by_both.cosine == pytest.approx(1)
    assert by_both.edits == 1 / len("Answer 0 to noise.!")
    wider = diversity_of(measured.project, prompt="prompt-noise", least_cosine=0.5)
    assert wider.duplicates is not None
    assert len(wider.duplicates) == 5


def test_what_cannot_be_told_is_said(measured: World) -> None:
    with pytest.raises(NotPossible, match="no prompt “p”"):
        diversity_of(measured.project, prompt="p")
    with pytest.raises(NotPossible, match="no vector called “style”"):
        diversity_of(measured.project, name="style")
    noise = Candidate.objects.get(external_id="noise-0")
    Measurement.objects.create(
        candidate=noise, name="embedding", source="other", vector=[1.0, 0.0, 0.0]
    )
    with pytest.raises(NotPossible, match="There are: encoder; other"):
        diversity_of(measured.project)
    Measurement.objects.filter(candidate=noise, source="encoder").update(vector=[0.0, 0.0])
    with pytest.raises(NotPossible, match="length zero"):
        diversity_of(measured.project, source="encoder")


def test_owners_ask_through_the_api_and_nobody_else(measured: World) -> None:
    address = "/projects/advice/diversity/"
    olga = as_(measured.olga)
    told = olga.get(address, order="inf", prompt="prompt-noise").json()
    assert (told["order"], told["n"], told["without"]) == ("inf", 4, 0)
    assert len(told["duplicates"]) == 2
    assert {each["system"] for each in told["varieties"]} == {"", "system-0", "system-1"}
    assert olga.get(address).json()["duplicates"] is None
    for wrong in ({"order": "-1"}, {"order": "many"}, {"colour": "red"}, {"name": "style"}):
        assert olga.get(address, **wrong).status_code == 400
    for role in (Role.MANAGER, Role.REVIEWER, Role.ANNOTATOR):
        caller = as_(member(measured.project, f"a-{role.value}", role))
        assert caller.get(address).status_code == 403
