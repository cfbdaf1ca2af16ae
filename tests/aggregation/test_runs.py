"""Runs: asked for, claimed once, stored whole, rebuilt to the byte, ended with a sentence."""

import json
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from aggregation import enqueue, loading, runs, streaming, tasks
from aggregation.catalogue import METHODS
from aggregation.enqueue import NotPossible, request_replay, request_run
from aggregation.methods.ranking.bradley_terry import BradleyTerryOptions
from aggregation.models import Run
from aggregation.options import OptionError, option
from aggregation.recorded import Recorded
from annotation import log
from annotation.models import LeaseLost, System, WorkState
from tests.aggregation.votes import person, vote
from tests.cast import World, make_question


@pytest.fixture
def judged(world: World) -> World:
    """Five people prefer system-0 over system-1 in most of three questions."""
    for number in range(5):
        annotator = person(world.project, f"p{number}")
        for place, question in enumerate(world.questions):
            vote(question, annotator, -2 if (number, place) in {(0, 0), (3, 1)} else 1)
    return world


def done(run: Run) -> Run:
    runs.execute_run(run.pk)
    run.refresh_from_db()
    return run


def test_a_run_stores_its_result_and_a_score_per_item(judged: World) -> None:
    run = done(request_run(judged.project, "bradley_terry", user=judged.olga))
    assert (run.state, run.error) == (WorkState.DONE, "")
    assert run.finished_at is not None
    assert (run.judgments, run.annotators) == (15, 5)
    assert run.progress_done == run.progress_total == 15
    result = run.aggregate()
    scores = list(run.scores.all())
    assert [score.item for score in scores] == ["system-0", "system-1"]
    assert [score.score for score in scores] == result.score.tolist()
    assert [score.rank for score in scores] == [1, 2]
    assert [score.judgments for score in scores] == [15, 15]
    assert [score.system for score in scores] == list(System.objects.order_by("name"))
    assert scores[0].lo is not None
    assert scores[0].lo < (scores[0].score or 0) < (scores[0].hi or 0)


def test_a_run_is_executed_once_however_often_it_is_announced(judged: World) -> None:
    run = done(request_run(judged.project, "win_rate"))
    finished = run.finished_at
    runs.execute_run(run.pk)
    run.refresh_from_db()
    assert (run.attempt, run.finished_at) == (1, finished)
    assert run.scores.count() == 2


def test_judgments_after_the_mark_change_nothing(judged: World) -> None:
    run = request_run(judged.project, "win_rate")
    vote(judged.questions[0], person(judged.project, "late"), -3)
    assert done(run).judgments == 15


def test_a_rebuild_equals_the_stored_result_byte_for_byte(judged: World) -> None:
    run = done(request_run(judged.project, "bradley_terry", options={"replicates": "20"}, seed=5))
    vote(judged.questions[0], person(judged.project, "late"), -3)
    rebuilt = runs.rebuild(run)
    assert rebuilt.identical
    assert "byte for byte" in rebuilt.sentence


def test_a_rebuild_notices_a_stored_result_that_was_touched(judged: World) -> None:
    run = done(request_run(judged.project, "win_rate"))
    assert run.result is not None
    run.result = run.result.replace("0.8", "0.9", 1)
    rebuilt = runs.rebuild(run)
    assert not rebuilt.identical
    assert rebuilt.same_evidence


def test_a_rebuild_notices_a_renamed_system(judged: World) -> None:
    run = done(request_run(judged.project, "win_rate"))
    System.objects.filter(name="system-1").update(name="renamed")
    rebuilt = runs.rebuild(run)
    assert (rebuilt.identical, rebuilt.same_evidence) == (False, False)
    assert "a name was changed" in rebuilt.sentence


def older(run: Run, *, without: str, **params: object) -> Run:
    """The run as a server would have stored it before the option, and before `tie_break` and
    `quasi` became fields of results.
    """
    assert run.result is not None
    plain = json.loads(run.result)
    del plain["params"][without], plain["tie_break"], plain["fit"]["quasi"]
    plain["params"] |= params
    text = json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    Run.objects.filter(pk=run.pk).update(result=text)
    run.refresh_from_db()
    return run


def test_a_run_stored_before_an_option_existed_still_rebuilds(judged: World) -> None:
    run = older(
        done(request_run(judged.project, "hodge_rank", options={"replicates": 20})), without="vary"
    )
    assert runs.rebuild(run).identical
    replay = done(request_replay(run))
    assert replay.is_identical_replay is True
    assert "vary" not in replay.aggregate().params


def test_a_changed_default_doesnt_change_what_a_stored_run_rebuilds_to(
    judged: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = done(request_run(judged.project, "bradley_terry"))
    defaults = BradleyTerryOptions.__init__.__kwdefaults__ or {}
    assert defaults["level"] == 0.95
    monkeypatch.setitem(defaults, "level", 0.5)
    fresh = done(request_run(judged.project, "bradley_terry"))
    assert fresh.aggregate().level == 0.5
    assert runs.rebuild(run).identical


def test_an_option_whose_default_isnt_how_things_were_says_so(judged: World) -> None:
    """With `before`, an older result takes that value, not the default of today."""

    @dataclass(frozen=True, kw_only=True)
    class Newer(BradleyTerryOptions):
        level: float = option(0.5, "Level", before=0.95)

    run = older(done(request_run(judged.project, "bradley_terry")), without="level")
    method = replace(METHODS["bradley_terry"], options=Newer)
    assert run.result is not None
    assert Newer().level == 0.5
    assert Recorded.of(run.result).options(method).level == 0.95


def test_a_run_with_an_option_that_is_gone_says_which(judged: World) -> None:
    run = older(done(request_run(judged.project, "bradley_terry")), without="vary", gone=1)
    with pytest.raises(OptionError, match="an option “gone” that “Bradley–Terry” no longer has"):
        runs.rebuild(run)


def test_an_option_that_never_changed_a_result_may_go_and_its_runs_still_rebuild(
    judged: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = older(done(request_run(judged.project, "hodge_rank")), without="vary", gone=1)
    monkeypatch.setattr(METHODS["hodge_rank"].options, "RETIRED", frozenset({"gone"}))
    assert runs.rebuild(run).identical
    replay = done(request_replay(run))
    assert replay.is_identical_replay is True
    assert replay.aggregate().params["gone"] == 1


def test_a_rebuild_by_another_version_of_the_method_says_so(
    judged: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = done(request_run(judged.project, "win_rate"))
    monkeypatch.setitem(METHODS, "win_rate", replace(METHODS["win_rate"], version="2"))
    rebuilt = runs.rebuild(run)
    assert not rebuilt.identical
    assert "was at version 1 then and is at version 2 now" in rebuilt.sentence


def test_a_replay_is_a_run_that_knows_whether_it_came_out_the_same(judged: World) -> None:
    run = done(request_run(judged.project, "bradley_terry", seed=3))
    vote(judged.questions[0], person(judged.project, "late"), -3)
    replay = done(request_replay(run, user=judged.olga))
    assert (replay.replay_of, replay.mark) == (run, run.mark)
    assert replay.is_identical_replay is True
    assert run.is_identical_replay is None


def test_seeds_lead_to_different_draws_and_the_same_seed_to_the_same(judged: World) -> None:
    def result(seed: int) -> str | None:
        return done(
            request_run(judged.project, "win_rate", options={"replicates": 30}, seed=seed)
        ).result

    assert result(1) == result(1) != result(2)


def test_candidates_of_each_prompt_can_be_scored(judged: World) -> None:
    run = done(request_run(judged.project, "win_rate", items="candidates"))
    scores = list(run.scores.all())
    assert [score.item for score in scores][:2] == [
        "prompt-noise · noise-0",
        "prompt-noise · noise-1",
    ]
    assert scores[0].candidate is not None
    assert scores[0].candidate.external_id == "noise-0"
    assert [score.judgments for score in scores] == [5] * 6


def test_majority_labels_each_pair(judged: World) -> None:
    run = done(request_run(judged.project, "majority"))
    assert run.state == WorkState.DONE
    assert [score.item for score in run.scores.all()] == [
        f"prompt-{name} · system-0 · system-1" for name in ("noise", "rent", "snow")
    ]
    assert [score.judgments for score in run.scores.all()] == [5, 5, 5]


def test_a_run_without_judgments_fails_with_a_sentence(world: World) -> None:
    run = done(request_run(world.project, "bradley_terry"))
    assert run.state == WorkState.FAILED
    assert run.error.startswith("No judgments match this selection")
    assert run.result is None


def test_an_unknown_method_or_option_is_refused_before_a_row_is_written(world: World) -> None:
    with pytest.raises(NotPossible, match="no method “dice”"):
        request_run(world.project, "dice")
    with pytest.raises(NotPossible, match="Unknown option 'colour'"):
        request_run(world.project, "win_rate", options={"colour": "red"})
    with pytest.raises(NotPossible, match="person, model or simulated"):
        request_run(world.project, "win_rate", kinds=["ghost"])
    assert Run.objects.count() == 0


def test_a_run_whose_method_was_removed_fails_with_a_sentence(judged: World) -> None:
    run = request_run(judged.project, "win_rate")
    Run.objects.filter(pk=run.pk).update(method="retired_rule")
    assert done(run).error == "There is no method “retired_rule” any more."


def test_a_cancelled_run_that_nobody_holds_ends_at_once(judged: World) -> None:
    run = request_run(judged.project, "win_rate")
    run.request_cancel()
    assert done(run).state == WorkState.CANCELLED
    assert run.attempt == 0


def test_a_run_cancelled_while_it_reads_stops_and_stores_nothing(
    judged: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = request_run(judged.project, "win_rate")
    claimed = Run.objects.claim(run.pk, lease=timedelta(minutes=1))
    assert claimed is not None
    run.request_cancel()
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    monkeypatch.setattr(streaming, "BLOCK", 4)
    assert done(run).state == WorkState.CANCELLED
    assert 0 < run.progress_done <= 4
    assert run.scores.count() == 0


def test_a_worker_that_lost_its_lease_writes_nothing(judged: World) -> None:
    run = request_run(judged.project, "win_rate")
    slow = Run.objects.claim(run.pk, lease=-timedelta(seconds=1))
    assert slow is not None
    quick = done(run)
    with pytest.raises(LeaseLost), transaction.atomic():
        runs._store(slow, runs.compute(slow))
    quick.refresh_from_db()
    assert (quick.state, quick.attempt, quick.scores.count()) == (WorkState.DONE, 2, 2)


def test_a_run_that_killed_its_worker_three_times_is_given_up(judged: World) -> None:
    run = request_run(judged.project, "win_rate")
    for _ in range(runs.MOST_ATTEMPTS):
        assert Run.objects.claim(run.pk, lease=-timedelta(seconds=1)) is not None
    assert done(run).state == WorkState.FAILED
    assert "died 3 times" in run.error


def test_a_done_run_cannot_be_without_a_result(judged: World) -> None:
    run = request_run(judged.project, "win_rate")
    with pytest.raises(IntegrityError, match="run_done_has_a_result"), transaction.atomic():
        Run.objects.filter(pk=run.pk).update(state="done", finished_at=timezone.now())


def test_simulated_people_count_by_default_only_in_a_simulated_project(judged: World) -> None:
    assert enqueue.default_kinds(judged.project) == ["person"]
    judged.project.is_simulated = True
    assert enqueue.default_kinds(judged.project) == ["person", "simulated"]


def test_what_pairs_could_not_take_part_is_counted(judged: World) -> None:
    lonely = make_question(judged.project, "lonely")
    lonely.placements.get(position=0).candidate.__class__.objects.filter(
        external_id="lonely-0"
    ).update(system=None)
    vote(lonely, person(judged.project, "p0"), 1)
    run = done(request_run(judged.project, "win_rate"))
    assert (run.judgments, run.exclusions) == (16, {"no_system": 1})


@pytest.mark.django_db(transaction=True)
def test_the_sweeper_announces_work_whose_wake_up_was_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    vote(world.questions[0], person(world.project, "p"), 1)
    sent: list[tuple[str, int]] = []
    monkeypatch.setattr(tasks, "send", lambda task, pk: sent.append((task.name, pk)))
    run = Run.objects.create(
        project=world.project,
        method="win_rate",
        kinds=["person"],
        mark=log.mark(world.project),
        created_at=timezone.now() - timedelta(minutes=5),
    )
    tasks.sweep()
    assert sent == [("aggregation.execute_run", run.pk)]


def test_counting_and_reading_agree(judged: World) -> None:
    mark = log.mark(judged.project)
    assert loading.count(judged.project, mark=mark, kinds=["person"]) == 15
