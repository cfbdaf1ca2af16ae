"""From one release to the next: which rows changed, and the reasons in sentences."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client

from aggregation import publishing
from aggregation.curation import Curation
from aggregation.enqueue import request_release
from aggregation.models import Release
from aggregation.release_changes import changes_between
from annotation.models import Judgment
from tests.aggregation.votes import person, vote
from tests.cast import World


@pytest.fixture
def judged(world: World) -> Iterator[World]:
    for question in world.questions:
        for number, strength in enumerate((2, 1, -1)):
            vote(question, person(world.project, f"p{number}"), strength)
    yield world
    shutil.rmtree(settings.RELEASES_DIR, ignore_errors=True)


def published(world: World, **policy: Any) -> Path:
    release = request_release(world.project, curation=Curation(**policy))
    publishing.publish(release.pk)
    return publishing.release_folder(Release.objects.get(pk=release.pk))


def test_two_releases_of_the_same_log_and_policy_differ_in_nothing(judged: World) -> None:
    changes = changes_between(published(judged), published(judged))
    assert (changes.before, changes.after, changes.reasons) == (1, 2, ())
    assert changes.exports is not None
    assert [(e.added, e.removed, e.changed) for e in changes.exports] == [(0, 0, 0)] * 2


def test_later_votes_and_amendments_are_told_apart(judged: World) -> None:
    before = published(judged)
    noise, rent, _ = judged.questions
    first = Judgment.objects.filter(question=noise).order_by("position")[0]
    vote(noise, first.annotator, -3, supersedes=first)
    vote(rent, person(judged.project, "newcomer"), 3)
    changes = changes_between(before, published(judged))
    grown, replaced = changes.reasons
    assert re.fullmatch(
        r"The log went on from position [\d,]+ to [\d,]+: 1 more judgment counts\.", grown
    )
    assert replaced == "1 more judgment was replaced by a later one of its author."
    assert changes.exports is not None
    raw, pairs = changes.exports
    assert (raw.added, raw.removed, raw.changed) == (2, 1, 0)
    assert (pairs.added, pairs.removed, pairs.changed, pairs.unchanged) == (0, 0, 2, 1)
    assert pairs.examples[0] == "noise-0 and noise-1 of question noise for all"


def test_a_changed_policy_is_the_reason(judged: World) -> None:
    changes = changes_between(published(judged), published(judged, least_agreement=0.9))
    assert changes.reasons == ("The policy changed: least agreement was 0.0, now 0.9.",)
    assert changes.exports is not None
    assert (changes.exports[1].before, changes.exports[1].removed) == (3, 3)


def test_the_command_and_the_page_say_the_same(
    judged: World, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = published(judged), published(judged, ties="own")
    call_command("diff_releases", before, after)
    reason = "The policy changed: ties was “half”, now “own”."
    assert reason in capsys.readouterr().out
    client = Client()
    client.force_login(judged.olga)
    page = str(client.get("/projects/advice/releases/2/since/1/").content, "utf-8")
    assert reason in page
    assert "What changed since release 1" in str(
        client.get("/projects/advice/releases/2/").content, "utf-8"
    )
    assert client.get("/projects/advice/releases/2/since/7/").status_code == 404
    shutil.rmtree(before)
    assert b"can't be compared" in client.get("/projects/advice/releases/2/since/1/").content
    with pytest.raises(CommandError, match="can't be compared"):
        call_command("diff_releases", before, after)
