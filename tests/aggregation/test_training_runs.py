"""Runs that train: embeddings read, progress noted, cancelled, resumed after a kill."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client

from aggregation import runs
from aggregation.enqueue import request_run
from aggregation.models import Run
from aggregation.personal.bench import Arrays, Bench
from aggregation.personal.ideal_points import Pal, fit_pal
from aggregation.personal.votes import votes_on_embeddings
from aggregation.training_files import TrainingFiles
from aggregation.warning_codes import WarningCode
from annotation.models import Candidate, LeaseLost, Measurement, WorkState
from tests.aggregation.test_personal_rewards import ideal_points
from tests.aggregation.votes import person, vote
from tests.cast import World, make_question

pytest.importorskip("torch", reason="personal rewards train with torch")
pytest.importorskip("safetensors", reason="checkpoints are safetensors")
PEOPLE = 12
QUICK = {"steps": 60, "restarts": 1, "prototypes": 2, "device": "cpu"}


@pytest.fixture
def judged(world: World) -> World:
    """Twelve people, six prompts; half of them want what the other half doesn't."""
    questions = [*world.questions, *(make_question(world.project, n) for n in ("a", "b", "c"))]
    for number in range(PEOPLE):
        annotator = person(world.project, f"p{number:02}")
        for place, question in enumerate(questions):
            vote(question, annotator, 1 if (number + place) % 2 else -1)
    return world


def embed(world: World, skip: str = "") -> None:
    rng = np.random.default_rng(0)
    for candidate in Candidate.objects.filter(prompt__project=world.project).order_by("pk"):
        if candidate.external_id != skip:
            Measurement.objects.create(
                candidate=candidate,
                name="embedding",
                source="tiny-encoder",
                vector=rng.normal(size=6).tolist(),
            )


def done(run: Run) -> Run:
    runs.execute_run(run.pk)
    run.refresh_from_db()
    return run


@pytest.fixture(autouse=True)
def noted_at_every_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "NOTE_EVERY", 0.0)


@pytest.mark.parametrize("items", ["systems", "candidates"])
def test_a_run_reads_the_embeddings_of_what_was_judged(judged: World, items: str) -> None:
    embed(judged)
    run = done(request_run(judged.project, "pal", options=QUICK, items=items))
    assert (run.state, run.error) == (WorkState.DONE, "")
    said = run.aggregate().fit.parameters
    assert (said["form"], said["encoder"]) == ("embeddings", "embedding · tiny-encoder")
    assert (said["texts"], said["votes_without_embedding"]) == (12, 0)
    assert run.progress_done == run.progress_total == PEOPLE * 6
    assert run.scores.count() == (2 if items == "systems" else 12)
    files = runs.training_files(run)
    assert files.load() is None
    model = files.model()
    assert model is not None
    assert model["model/P"].shape == (2, 16)
    assert model["projection/mean"].shape == (6,)


def test_the_run_page_says_that_nothing_personal_was_learned(judged: World, client: Client) -> None:
    embed(judged)
    run = done(request_run(judged.project, "pal", options=QUICK | {"prototypes": 1, "steps": 20}))
    assert WarningCode.NO_PERSONAL_SIGNAL not in run.aggregate().codes  # one was asked for
    run = done(request_run(judged.project, "vpl", options={"steps": 20, "kl": 50.0}))
    assert run.state == WorkState.DONE, run.error
    client.force_login(judged.olga)
    page = client.get(f"/projects/{judged.project.slug}/runs/{run.public_id}/")
    assert "No personal signal was learned" in page.content.decode()


def test_a_trained_run_is_rebuilt_byte_for_byte(judged: World) -> None:
    embed(judged)
    run = done(request_run(judged.project, "pal", options=QUICK, seed=3))
    assert runs.rebuild(run).identical


def test_without_embeddings_the_run_fails_with_what_to_do(judged: World) -> None:
    run = done(request_run(judged.project, "pal", options={**QUICK, "form": "embeddings"}))
    assert run.state == WorkState.FAILED
    assert "Run an embedding job" in run.error


def test_responses_without_an_embedding_are_counted(judged: World) -> None:
    embed(judged, skip="rent-0")
    run = done(request_run(judged.project, "pal", options=QUICK))
    assert run.aggregate().fit.parameters["votes_without_embedding"] == PEOPLE


def test_groups_can_be_sought_in_embeddings_too(judged: World) -> None:
    options = {"form": "features", "groups": 2, "restarts": 2, "ridge": 1.0}
    run = done(request_run(judged.project, "mixture", options=options, items="candidates"))
    assert "Run an embedding job" in run.error
    embed(judged, skip="rent-0")
    run = done(request_run(judged.project, "mixture", options=options, items="candidates"))
    assert run.state == WorkState.DONE, run.error
    result = run.aggregate()
    assert f"{PEOPLE} votes without an embedding left out" in result.conversions[0]
    members = np.array(
        [result.fit.parameters["members"][f"p{number:02}"] for number in range(PEOPLE)]
    )
    odd, even = members[1::2].mean(axis=0), members[::2].mean(axis=0)
    assert np.abs(odd - even).max() > 0.8


def test_embeddings_of_different_lengths_are_refused(judged: World) -> None:
    embed(judged, skip="rent-0")
    Measurement.objects.create(
        candidate=Candidate.objects.get(external_id="rent-0"),
        name="embedding",
        source="tiny-encoder",
        vector=[1.0, 2.0],
    )
    run = done(request_run(judged.project, "pal", options=QUICK))
    assert run.state == WorkState.FAILED
    assert "different lengths" in run.error


def test_a_training_is_cancelled_between_steps(
    judged: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed(judged)
    run = request_run(judged.project, "pal", options={**QUICK, "steps": 5000})
    seen: list[int] = []
    look = runs._go_on

    def cancel_later(claimed: Run, number: int) -> None:
        seen.append(number)
        if len(seen) == 10:
            Run.objects.get(pk=run.pk).request_cancel()
        look(claimed, number)

    monkeypatch.setattr(runs, "_go_on", cancel_later)
    assert done(run).state == WorkState.CANCELLED
    assert len(seen) == 10
    assert run.progress_total == PEOPLE * 6 + 2 * 5000
    assert PEOPLE * 6 < run.progress_done < run.progress_total
    assert not runs.training_files(run).folder.exists()


def test_a_worker_that_takes_over_goes_on_from_the_checkpoint(
    judged: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed(judged)
    options = {**QUICK, "steps": 300}
    whole = done(request_run(judged.project, "pal", options=options))
    run = request_run(judged.project, "pal", options=options)
    look = runs._go_on

    def die_half_way(claimed: Run, number: int) -> None:
        if number > PEOPLE * 6 + 450:
            raise LeaseLost("killed")
        look(claimed, number)

    with monkeypatch.context() as patch:
        patch.setattr(runs, "_go_on", die_half_way)
        patch.setattr(runs, "LEASE", runs.LEASE * 0)
        assert done(run).state == WorkState.RUNNING
    assert runs.training_files(run).load() is not None
    steps: list[int] = []

    def count(claimed: Run, number: int) -> None:
        steps.append(number)
        look(claimed, number)

    monkeypatch.setattr(runs, "_go_on", count)
    assert done(run).state == WorkState.DONE
    assert run.attempt == 2
    assert min(n for n in steps if n > PEOPLE * 6) >= PEOPLE * 6 + 300
    assert run.result == whole.result


class Slate:
    """A keeper in memory."""

    def __init__(self) -> None:
        self.arrays: Arrays | None = None

    def load(self) -> Arrays | None:
        return None if self.arrays is None else dict(self.arrays)

    def save(self, arrays: Arrays) -> None:
        self.arrays = dict(arrays)

    def keep(self, arrays: Arrays) -> None:
        raise AssertionError("only a whole fit keeps a model")


class Killed(Exception):
    pass


@pytest.mark.parametrize("at", [30, 170, 330])
def test_an_interrupted_training_ends_as_if_nothing_had_happened(at: int) -> None:
    """Also within the choice of the number of prototypes, where the best step so far is kept."""
    table, _ = ideal_points(0, people=20, each=15, d=4)
    votes = votes_on_embeddings(table)
    how = Pal(most=2, steps=120, restarts=1, device="cpu")

    def fit(bench: Bench) -> Any:
        return fit_pal(votes, how, np.random.default_rng(1), bench, key="world 0")

    keeper = Slate()

    def die(done: int, total: int) -> None:
        if done > at:
            raise Killed

    with pytest.raises(Killed):
        fit(Bench(die, keeper, keep_every=25))
    assert keeper.arrays is not None
    resumed, whole = fit(Bench(keeper=keeper)), fit(Bench())
    assert resumed.model.n_prototypes == whole.model.n_prototypes
    for name, array in whole.model.parameters.items():
        np.testing.assert_array_equal(resumed.model.parameters[name], array)
    np.testing.assert_array_equal(resumed.held_out, whole.held_out)


def test_a_checkpoint_of_other_data_is_ignored() -> None:
    table, _ = ideal_points(0, people=20, each=15, d=4)
    votes = votes_on_embeddings(table)
    how, keeper = Pal(prototypes=1, steps=40, device="cpu"), Slate()
    fit_pal(votes, how, np.random.default_rng(1), Bench(keeper=keeper), key="one")
    assert keeper.arrays is not None
    keeper.arrays["done/whole-1-0/f"] = keeper.arrays["done/whole-1-0/f"] * 0
    again = fit_pal(votes, how, np.random.default_rng(1), Bench(keeper=keeper), key="other")
    assert np.abs(again.model.parameters["f"]).max() > 0


def test_files_are_whole_or_absent(tmp_path: Path) -> None:
    files = TrainingFiles(tmp_path / "run")
    assert files.load() is None
    assert files.model() is None
    files.save({"a": np.arange(3.0)})
    files.keep({"b": np.ones((2, 2), dtype=np.float32)})
    kept = files.load()
    assert kept is not None
    np.testing.assert_array_equal(kept["a"], np.arange(3.0))
    assert sorted(path.name for path in files.folder.iterdir()) == [
        "checkpoint.safetensors",
        "model.safetensors",
    ]
    files.forget_checkpoint()
    assert files.load() is None
    assert files.model() is not None
    files.clear()
    assert not files.folder.exists()
