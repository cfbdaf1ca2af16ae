"""People who withdraw: later releases go without them and say so, earlier ones can be rebuilt."""

# ruff: noqa: F401, F811 - fixtures are imported by name

import pytest

from aggregation import publishing
from aggregation.enqueue import request_release
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
