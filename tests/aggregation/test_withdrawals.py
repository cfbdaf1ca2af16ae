"""People who withdraw: what is made later goes without them and says so, earlier things stay."""

# ruff: noqa: F401, F811 - fixtures are imported by name

import pytest
from django.test import Client

from aggregation import publishing, reporting, runs
from aggregation.enqueue import (
    NotPossible,
    request_release,
    request_replay,
    request_report,
    request_report_replay,
    request_run,
    same_basis,
)
from aggregation.models import Report, Run
from aggregation.verification import passed
from annotation import consent
from annotation.models import Annotator, Judgment
from tests.aggregation.test_publishing import (
    _empty_releases,
    done,
    judged,
    left_out,
    rows,
)
from tests.aggregation.test_reporting import QUICK, divided, told
from tests.annotation.calling import as_
from tests.cast import World


@pytest.fixture
def leaving(judged: World) -> Annotator:
    return judged.project.annotators.get(external_id="secret-name-3")


def test_a_later_release_leaves_out_who_withdrew_and_counts_it(
    judged: World,
    leaving: Annotator,
) -> None:
    before = done(request_release(judged.project))
    consent.withdraw(leaving)
    after = done(request_release(judged.project))
    theirs = Judgment.objects.filter(annotator=leaving).count()
    assert theirs == 3
    everything, without = (rows(each, "raw_judgments.jsonl") for each in (before, after))
    assert len(everything) - len(without) == theirs
    gone = {str(public_id) for public_id in leaving.judgments.values_list("public_id", flat=True)}
    assert not gone & {row["judgment_id"] for row in without}
    assert left_out(after)["withdrawn/all"] == theirs
    assert "withdrawn/all" not in left_out(before)
    assert after.manifest is not None
    assert after.manifest["included"]["annotators"] == 3
    assert "withdrawn from the project" in (
        publishing.release_folder(after) / "README.md"
    ).read_text(encoding="utf-8")


def test_an_earlier_release_is_rebuilt_as_it_was(
    judged: World,
    leaving: Annotator,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    before = done(request_release(judged.project))
    consent.withdraw(leaving)
    after = done(request_release(judged.project))
    folder = tmp_path_factory.mktemp("rebuilt")
    for release in (before, after):
        lines = publishing.examine(release, rebuild=True, into=folder / str(release.version))
        assert passed(lines), [line.sentence for line in lines if not line.passed]
    assert (before.withdrawals, after.withdrawals) == (0, 1)
    assert before.snapshot == after.snapshot  # the log itself is the same


def test_who_withdraws_while_a_release_waits_is_left_out_of_it(
    judged: World,
    leaving: Annotator,
) -> None:
    waiting = request_release(judged.project)
    consent.withdraw(leaving)
    assert done(waiting).withdrawals == 1


def ran(run: Run) -> Run:
    runs.execute_run(run.pk)
    run.refresh_from_db()
    assert run.error == ""
    return run


def written(report: Report) -> Report:
    reporting.execute_report(report.pk)
    report.refresh_from_db()
    assert report.error == ""
    return report


def test_a_later_run_leaves_out_who_withdrew_and_counts_it(
    judged: World, leaving: Annotator
) -> None:
    before = ran(request_run(judged.project, "win_rate"))
    consent.withdraw(leaving)
    after = ran(request_run(judged.project, "win_rate"))
    assert (before.judgments, after.judgments) == (12, 9)
    assert (before.annotators, after.annotators) == (4, 3)
    assert after.exclusions["withdrawn"] == 3
    assert "withdrawn" not in before.exclusions
    assert not same_basis(before, after)
    browser = Client()
    browser.force_login(judged.olga)
    page = browser.get(f"/projects/advice/runs/{after.public_id}/").content.decode()
    assert "3: judgments by people who have withdrawn from the project" in page


def test_an_earlier_run_is_rebuilt_bit_for_bit_and_replayed_as_it_was(
    judged: World, leaving: Annotator
) -> None:
    before = ran(request_run(judged.project, "bradley_terry"))
    consent.withdraw(leaving)
    after = ran(request_run(judged.project, "bradley_terry"))
    assert before.result != after.result
    assert runs.rebuild(before).identical
    assert runs.rebuild(after).identical
    assert ran(request_replay(before)).is_identical_replay


def test_nothing_new_stands_on_a_run_that_still_counts_who_withdrew(
    judged: World, leaving: Annotator
) -> None:
    before = ran(request_run(judged.project, "win_rate"))
    waiting = request_release(judged.project, run=before)
    consent.withdraw(leaving)
    with pytest.raises(NotPossible, match="still counts what they said"):
        request_release(judged.project, run=before)
    publishing.publish(waiting.pk)
    waiting.refresh_from_db()
    assert "Somebody has withdrawn since the run" in waiting.error
    asked = as_(judged.olga).post(
        "/projects/advice/runs/",
        {"method": "win_rate", "same_judgments_as": str(before.public_id)},
    )
    assert asked.status_code == 400
    assert "start a new one" in asked.json()["detail"]
    after = ran(request_run(judged.project, "win_rate"))
    assert done(request_release(judged.project, run=after)).state == "done"


def test_a_later_report_leaves_out_who_withdrew_and_counts_it(divided: World) -> None:
    before = written(request_report(divided.project, options=QUICK))
    consent.withdraw(divided.project.annotators.get(external_id="p00"))
    after = written(request_report(divided.project, options=QUICK))
    assert told(before)["about"]["judgments"] - told(after)["about"]["judgments"] == 12
    assert told(after)["about"]["exclusions"]["withdrawn"] == 12
    assert "withdrawn" not in told(before)["about"]["exclusions"]
    assert (told(before)["about"]["people"], told(after)["about"]["people"]) == (24, 23)
    assert reporting.rebuild(before)
    assert reporting.rebuild(after)
    assert written(request_report_replay(before)).is_identical_replay
