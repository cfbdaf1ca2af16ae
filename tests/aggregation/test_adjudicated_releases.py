"""Releases and reviewers' verdicts: votes decide unless the release prefers the verdict."""

# ruff: noqa: F401, F811 - fixtures are imported by name

from typing import Any

import pytest
from django.test import Client

from aggregation import publishing
from aggregation.curation import Curation, CurationError
from aggregation.enqueue import request_release
from aggregation.models import Release
from aggregation.verification import passed
from annotation import consent
from annotation.models import Annotator, Judgment, Question
from annotation.review.verdicts import adjudicate
from tests.aggregation.test_publishing import _empty_releases, done, judged, left_out, rows
from tests.cast import World

PREFER = Curation(adjudicated="prefer", least_votes=2, least_agreement=0.7)


def pairs(release: Release) -> dict[str, dict[str, Any]]:
    return {row["question_id"]: row for row in rows(release, "trl_preference.jsonl")}


def said_by(world: World, question: Question, name: str) -> Judgment:
    return Judgment.objects.get(question=question, annotator__external_id=name)


@pytest.fixture
def adjudicated(judged: World) -> World:
    """noise: the one who differs is right. rent, a draw: the second. snow: nobody is right."""
    noise, rent, snow = judged.questions
    adjudicate(question=noise, reviewer=judged.olga, winner=None, categories=["slip"])
    adjudicate(
        question=noise,
        reviewer=judged.olga,
        winner=said_by(judged, noise, "secret-name-3"),
        categories=["misread", "against_guidelines"],
    )
    adjudicate(question=rent, reviewer=judged.olga, winner=said_by(judged, rent, "secret-name-0"))
    adjudicate(question=snow, reviewer=judged.olga, winner=None, categories=["broken_question"])
    return judged


def test_votes_decide_unless_the_release_says_otherwise_and_it_says_which(
    adjudicated: World,
) -> None:
    release = done(request_release(adjudicated.project))
    assert pairs(release)["noise"]["chosen_id"] == "noise-0"
    assert not pairs(release)["noise"]["adjudicated"]
    assert release.manifest is not None
    assert release.manifest["curation"]["adjudicated"] == "votes"
    card = (publishing.release_folder(release) / "README.md").read_text(encoding="utf-8")
    assert "verdict on a question changes nothing in how votes become pairs" in card


def test_a_release_can_prefer_the_answer_that_a_reviewer_found_right(adjudicated: World) -> None:
    release = done(request_release(adjudicated.project, curation=PREFER))
    found = pairs(release)
    assert set(found) == {"noise", "rent"}  # snow: none is right
    assert (found["noise"]["chosen_id"], found["noise"]["n"]) == ("noise-1", 1)
    assert found["noise"]["strength"] == 3
    assert found["rent"]["chosen_id"] == "rent-1"
    assert all(row["adjudicated"] for row in found.values())
    assert left_out(release, "trl_preference") == {"none_right/all": 1}
    card = (publishing.release_folder(release) / "README.md").read_text(encoding="utf-8")
    assert "that answer alone decides" in card
    assert "a reviewer found that no answer is right" in card


def test_single_judgments_keep_everything_beside_the_verdict(adjudicated: World) -> None:
    release = done(request_release(adjudicated.project, curation=PREFER))
    found = [row for row in rows(release, "raw_judgments.jsonl") if row["question_id"] == "noise"]
    assert len(found) == 4
    assert sorted(row["adjudicated"] for row in found) == [False, False, False, True]
    right = next(row for row in found if row["adjudicated"])
    assert right["payload"] == {"strength": -3}
    assert right["error_categories"] == ["against_guidelines", "misread"]


def test_a_verdict_given_later_changes_no_release(
    judged: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = done(request_release(judged.project, curation=PREFER))
    noise = judged.questions[0]
    adjudicate(question=noise, reviewer=judged.olga, winner=said_by(judged, noise, "secret-name-3"))
    after = done(request_release(judged.project, curation=PREFER))
    assert pairs(before)["noise"]["chosen_id"] == "noise-0"
    assert pairs(after)["noise"]["chosen_id"] == "noise-1"
    folder = tmp_path_factory.mktemp("rebuilt")
    for release in (before, after):
        lines = publishing.examine(release, rebuild=True, into=folder / str(release.version))
        assert passed(lines), [line.sentence for line in lines if not line.passed]


def test_votes_decide_where_the_right_answer_was_withdrawn(adjudicated: World) -> None:
    consent.withdraw(Annotator.objects.get(external_id="secret-name-3"))
    release = done(request_release(adjudicated.project, curation=PREFER))
    assert pairs(release)["noise"]["chosen_id"] == "noise-0"
    assert not pairs(release)["noise"]["adjudicated"]


def test_a_verdict_for_all_and_verdicts_of_groups_exclude_each_other() -> None:
    with pytest.raises(CurationError, match="Choose one of the two"):
        Curation(adjudicated="prefer", group_by="opinion")


def test_the_page_offers_the_choice_and_previews_it(adjudicated: World) -> None:
    browser = Client()
    browser.force_login(adjudicated.olga)
    page = browser.get("/projects/advice/releases/").content.decode()
    assert 'name="adjudicated" value="prefer"' in page
    preview = browser.get("/projects/advice/releases/preview/?adjudicated=prefer&kinds=person")
    assert "No judged pair" in preview.content.decode()  # each of the three was decided
    sent = browser.post(
        "/projects/advice/releases/",
        {
            "exports": ["trl_preference"],
            "kinds": ["person"],
            "ties": "half",
            "both_bad": "as_tie",
            "least_votes": 1,
            "least_agreement": 0,
            "smallest_cell": 5,
            "adjudicated": "prefer",
        },
    )
    assert sent.status_code == 302
    assert pairs(done(Release.objects.get()))["noise"]["chosen_id"] == "noise-1"
