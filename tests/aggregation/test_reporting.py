"""Reports as background work: asked for, written once, rebuilt to the byte, shown, handed out."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from aggregation import publishing, reporting, tasks
from aggregation.enqueue import (
    NotPossible,
    request_release,
    request_report,
    request_report_replay,
)
from aggregation.models import Report, RuleChoice
from aggregation.report import ReportOptions, build, plain
from annotation.models import (
    Assignment,
    AssignmentPurpose,
    Criterion,
    GoldAnswer,
    Judgment,
    Profile,
    Project,
    Question,
    Rubric,
    Standing,
    WorkState,
)
from tests.aggregation.test_report import figures, with_judges
from tests.aggregation.votes import person, say, vote
from tests.annotation.calling import as_
from tests.cast import World, make_question

QUICK = {"replicates": 8, "restarts": 2, "most": 3}


@pytest.fixture
def divided(world: World) -> World:
    """Eighteen people want system-0, six system-1, and say why; each judges twelve questions."""
    rng = np.random.default_rng(0)
    questions = [make_question(world.project, f"q{n:02}") for n in range(12)]
    log = []
    for number in range(24):
        north = number < 18
        who = person(world.project, f"p{number:02}", region="north" if north else "south")
        profile = who.current_profile()
        for question in questions:
            faithful = rng.random() < 0.9
            log.append(
                Judgment(
                    question=question,
                    annotator=who,
                    profile=profile,
                    judgment_type="pairwise",
                    payload={"strength": 2 if north == faithful else -2},
                    reason=f"Voice {number} is plain." if number % 3 == 0 else "",
                    submission_key=f"{number}/{question.pk}",
                    source="api",
                    created_at=timezone.now(),
                )
            )
    Judgment.objects.bulk_create(log)
    return world


def done(report: Report) -> Report:
    reporting.execute_report(report.pk)
    report.refresh_from_db()
    return report


def told(report: Report) -> dict[str, Any]:
    assert report.content is not None, report.error
    found = json.loads(report.content)
    assert isinstance(found, dict)
    return found


def test_a_report_is_written_from_the_log_and_stored_whole(divided: World) -> None:
    report = done(request_report(divided.project, options=QUICK, user=divided.olga))
    assert (report.state, report.error) == (WorkState.DONE, "")
    assert (report.progress_done, report.progress_total) == (108, 108)
    said = told(report)
    assert said["about"]["judgments"] == 12 * 24
    assert len(said["groups"]["cards"]) == 2
    assert said["groups"]["associations"][0]["attribute"] == "region"
    (dissent,) = said["minority"]["dissents"]
    assert dissent["preference"] == "prefers “system-1” to “system-0”"
    assert dissent["quotes"][0]["text"] in {"Voice 18 is plain.", "Voice 21 is plain."}
    assert dissent["quotes"][0]["context"].startswith("What should I do about q")


def test_a_report_on_responses_tells_what_groups_like_in_them(
    client: Client, divided: World
) -> None:
    report = done(request_report(divided.project, options=QUICK, level="responses"))
    found = told(report)["groups"]["traits"]
    assert {trait["attribute"] for trait in found["traits"]} == {"system"}
    effects = {trait["group"]: trait["effect"] for trait in found["traits"]}
    assert effects["group 1"]["lo"] > 0 > effects["group 2"]["hi"]  # system-0 or system-1
    assert "What a group likes in responses" in page(client, divided, "report", report.public_id)


def test_no_name_of_an_annotator_is_in_a_report(divided: World) -> None:
    content = done(request_report(divided.project, options=QUICK)).content
    assert content is not None
    assert not [f"p{n:02}" for n in range(24) if f"p{n:02}" in content]


def test_later_votes_and_declarations_leave_a_report_as_it_was(divided: World) -> None:
    report = done(request_report(divided.project, options={**QUICK, "attribute": "region"}))
    assert told(report)["groups"]["names"] == ["north", "south"]
    for number in range(24):
        who = person(divided.project, f"p{number:02}")
        Profile.objects.create(annotator=who, version=2, attributes={"region": "east"})
        vote(divided.questions[0], who, -3)
    assert reporting.rebuild(report)
    replay = done(request_report_replay(report, user=divided.olga))
    assert replay.is_identical_replay is True
    assert replay.content_digest == report.content_digest


def test_people_who_moved_count_in_both_groups(divided: World) -> None:
    for number in range(5):
        who = person(divided.project, f"p{number:02}")
        Profile.objects.create(annotator=who, version=2, attributes={"region": "south"})
        for question in divided.questions:
            vote(question, who, -2)
    report = done(request_report(divided.project, options={**QUICK, "attribute": "region"}))
    said = told(report)
    assert said["about"]["people"] == 24
    sizes = [card["size"]["value"] for card in said["groups"]["cards"]]
    assert sizes == [18, 11]


def test_a_checklist_is_reported_statement_by_statement(world: World) -> None:
    rubric = Rubric.objects.create(project=world.project, name="Advice")
    texts = ["Is it kind?", "Is it short?", "Is it bold?"]
    for position, text in enumerate(texts):
        Criterion.objects.create(rubric=rubric, position=position, text=text, kind="yes_no")
    questions = [
        make_question(
            world.project, f"c{n}", candidates=1, judgment_type="checklist", rubric=rubric
        )
        for n in range(8)
    ]
    for number in range(16):
        who = person(world.project, f"p{number:02}")
        for question in questions:
            kind, bold = ("yes", "no") if number < 8 else ("no", "yes")
            answers = {"0": {"0": kind, "1": "yes", "2": bold}}
            say(question, who, {"answers": answers})
    report = done(request_report(world.project, options=QUICK, level="statements"))
    groups = told(report)["groups"]
    assert len(groups["cards"]) == 2
    assert all(
        "Is it kind?" in s["text"] or "Is it bold?" in s["text"] for s in groups["splitting"]
    )
    assert all("Is it short?" in s["text"] for s in groups["uniting"])


def test_known_answers_and_repeats_tell_how_noisy_people_are(divided: World) -> None:
    """Checks count for the noise budget alone: no vote of theirs is in the tables."""
    before = told(done(request_report(divided.project, options=QUICK)))
    gold = divided.questions[0]
    GoldAnswer.objects.create(question=gold, payload={"strength": 2})
    repeated = Question.objects.get(external_id="q00")
    now = timezone.now()
    for number in range(24):
        who = person(divided.project, f"p{number:02}")
        for question, purpose, strength in (
            (gold, AssignmentPurpose.GOLD, -1 if number < 6 else 3),
            (repeated, AssignmentPurpose.REPEAT, 2),
        ):
            seat = Assignment.objects.create(
                question=question, annotator=who, purpose=purpose, state="submitted",
                shown_order=[0, 1], leased_at=now, lease_until=now, ended_at=now,
            )  # fmt: skip
            vote(question, who, strength, assignment=seat, standing=Standing.CHECK)
    after = told(done(request_report(divided.project, options=QUICK)))
    assert after["about"]["judgments"] == before["about"]["judgments"]
    assert after["disagreement"]["flips_gold"]["value"] == pytest.approx(0.25)
    assert after["disagreement"]["flips_gold"]["n"] == 24
    first = Judgment.objects.filter(question=repeated, standing=Standing.COUNTED)
    differing = first.filter(payload__strength__lt=0).count() / 24
    assert after["disagreement"]["within_people"]["value"] == pytest.approx(differing)
    assert after["groups"]["cards"] == before["groups"]["cards"]


def test_cancelling_stops_between_resamples_and_stores_nothing(
    divided: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = request_report(divided.project, options=QUICK)
    kept = Report.renew

    def renew(self: Report, **rest: Any) -> None:
        kept(self, **rest)
        if rest.get("done") == 103:
            Report.objects.get(pk=self.pk).request_cancel()

    monkeypatch.setattr(Report, "renew", renew)
    done(report)
    assert (report.state, report.progress_done) == (WorkState.CANCELLED, 103)
    assert report.content is None


def test_cancelling_is_heard_while_groups_are_sought(
    divided: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = request_report(divided.project, options=QUICK)
    kept, looked = Report.renew, list[int]()

    def renew(self: Report, **rest: Any) -> None:
        kept(self, **rest)
        looked.append(rest["done"])
        if looked[-1] >= 50:
            Report.objects.get(pk=self.pk).request_cancel()

    monkeypatch.setattr(Report, "renew", renew)
    monkeypatch.setattr(reporting, "NOTE_EVERY", 0.0)
    done(report)
    assert (report.state, report.content) == (WorkState.CANCELLED, None)
    assert looked[0] == 0
    assert looked == sorted(looked)
    assert looked[-1] < 100  # of groups sought; the resamples would count on from there
    assert len(set(looked)) > 5


def test_what_cant_be_read_is_said(world: World) -> None:
    assert done(request_report(world.project)).error.startswith("No judgments match")
    for number in range(6):
        vote(world.questions[0], person(world.project, f"p{number}"), 1)
    statements = done(request_report(world.project, level="statements"))
    assert statements.error.startswith("Nobody answered yes or no")
    unknown = done(request_report(world.project, options={"attribute": "shoe size"}))
    assert unknown.error == "Nobody in this project declared “shoe size”."
    with pytest.raises(NotPossible, match="Unknown option"):
        request_report(world.project, options={"colour": "red"})
    with pytest.raises(NotPossible, match="compares one of"):
        request_report(world.project, level="planets")
    with pytest.raises(NotPossible, match="Only a finished report"):
        request_report_replay(statements)


def test_the_sweeper_announces_a_report_whose_wake_up_was_lost(
    divided: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = request_report(divided.project, options=QUICK)
    Report.objects.filter(pk=report.pk).update(created_at="2020-01-01T00:00:00Z")
    woken: list[tuple[str, int]] = []
    monkeypatch.setattr(tasks, "send", lambda task, pk: woken.append((task.name, pk)))
    tasks.sweep()
    assert woken == [("aggregation.execute_report", report.pk)]


# --- Pages ---------------------------------------------------------------------------------------


def page(client: Client, world: World, name: str, *more: Any) -> str:
    client.force_login(world.olga)
    response = client.get(reverse(f"aggregation:{name}", args=[world.project.slug, *more]))
    assert response.status_code == 200
    return response.content.decode()


def test_the_page_says_what_is_missing_before_there_is_enough(client: Client, world: World) -> None:
    vote(world.questions[0], person(world.project, "p0"), 1)
    assert "4 people more must judge" in page(client, world, "reports")
    for number in range(1, 6):
        vote(world.questions[0], person(world.project, f"p{number}"), 1)
    text = page(client, world, "reports")
    assert "6 people have judged; intervals need at least 12." in text
    assert "ask the same people more questions" in text


def test_a_report_can_be_asked_for_read_and_downloaded(client: Client, divided: World) -> None:
    client.force_login(divided.olga)
    address = reverse("aggregation:reports", args=[divided.project.slug])
    asked = client.post(
        address,
        {"level": "systems", "attribute": "", "replicates": 8, "seed": 0, "kinds": ["person"]},
    )
    report = Report.objects.get()
    assert asked["Location"] == reverse(
        "aggregation:report", args=[divided.project.slug, report.public_id]
    )
    assert "Waiting for a worker" in page(client, divided, "report", report.public_id)
    done(report)
    text = page(client, divided, "report", report.public_id)
    for sentence in told(report)["summary"]:
        assert sentence.replace("'", "&#x27;") in text
    assert text.count("<svg") >= 4
    assert "is plain." in text
    assert "style=" not in text.split("<main")[1]
    content = client.get(
        reverse("aggregation:report-content", args=[divided.project.slug, report.public_id])
    )
    assert content.content.decode() == report.content
    assert "Read the newest report" in page(client, divided, "reports")


class Reader(HTMLParser):
    """What a page says: its text, the sentences told, and the cells of numbers by table."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.told: list[str] = []
        self.cells: list[str] = []
        self.reasons: list[str] = []
        self.open: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("meta", "link", "input", "br", "img", "hr"):
            return
        self.open.append((tag, dict(attrs).get("class") or ""))
        if tag == "p":
            self.told.append("")
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        tags = dict(self.open)
        if ("table", "no-interval") in self.open:
            self.reasons.append(data)
        elif "number" in tags.get("td", ""):
            self.cells[-1] += data
        elif "p" in tags:
            self.told[-1] += data


SETTINGS = {"80 %", "90 %", "95 %"}  # thresholds that sentences name


def test_every_number_on_the_page_has_an_interval_or_its_reason_there(
    client: Client, world: World
) -> None:
    """Of a report with three groups, a map, judges and declared attributes."""
    given = with_judges()
    region = {str(who): {"region": "south" if who % 3 else "north"} for who in range(100)}
    ids = tuple(str(who) for who in range(100))
    given = replace(given, table=replace(given.table, annotator_ids=ids), attributes=region)
    said = plain(build(given, ReportOptions(replicates=20, restarts=4, most=4)))
    now = timezone.now()
    report = Report.objects.create(
        project=world.project, mark=0, kinds=["person"], state=WorkState.DONE, finished_at=now,
        content=json.dumps(said),
    )  # fmt: skip
    read = Reader(page(client, world, "report", report.public_id))
    reasons = " ".join(" ".join(read.reasons).split())
    for path, figure in figures(said):
        if figure["lo"] is None:
            assert figure["why"] in reasons, path
    alone = {*re.findall(r"−?\d[\d,.]*(?: %)?", reasons)} | SETTINGS
    covered = {f"{point[axis]:.2f}".replace("-", "−") for point in said["map"]["regions"]
               for axis in ("x", "y", "rx", "ry")}  # fmt: skip
    covered |= {str(judge["votes"]) for judge in said["judges"]["places"]}
    covered |= {str(n) for a in said["groups"]["associations"] for row in a["cells"] for n in row}
    assert len(read.cells) > 80
    for cell in (" ".join(each.split()) for each in read.cells):
        bare = re.sub(r" (least|too many)$", "", cell)
        if re.search(r"\d", bare) and "[" not in bare and bare not in covered:
            number = re.match(r"−?\d[\d,.]*(?: %)?", bare)
            is_basis = re.fullmatch(r"[\d,]+ [a-z][a-z ]+", bare)
            assert is_basis or (number and number[0] in alone), cell
    for sentence in (" ".join(each.split()) for each in read.told):
        for number in re.findall(r"−?[\d.]+ (?:%|points)(?! \[)", sentence):
            assert number in alone, sentence


def test_a_bad_form_is_answered_with_sentences(client: Client, divided: World) -> None:
    client.force_login(divided.olga)
    address = reverse("aggregation:reports", args=[divided.project.slug])
    answer = client.post(address, {"level": "systems", "replicates": 9_999, "seed": 0})
    assert answer.status_code == 422
    assert "Choose at least one kind of annotator." in answer.content.decode()
    assert Report.objects.count() == 0


def test_annotators_see_no_report(client: Client, divided: World) -> None:
    report = done(request_report(divided.project, options=QUICK))
    client.force_login(divided.ada)
    for name, more in (("reports", ()), ("report", (report.public_id,))):
        address = reverse(f"aggregation:{name}", args=[divided.project.slug, *more])
        assert client.get(address).status_code == 403


# --- API -----------------------------------------------------------------------------------------


def test_the_api_hands_out_the_same_report_with_nothing_added(divided: World) -> None:
    api = as_(divided.olga)
    base = f"/projects/{divided.project.slug}/reports/"
    asked = api.post(base, {"options": QUICK, "seed": 3})
    assert asked.status_code == 201, asked.content
    address = f"{base}{asked.json()['id']}/"
    assert api.get(f"{address}content/").status_code == 409
    report = done(Report.objects.get())
    assert api.get(address).json()["state"] == "done"
    assert api.get(f"{address}content/").content.decode() == report.content
    replay = api.post(f"{address}rebuild/")
    assert replay.status_code == 201
    assert replay.json()["replay_of"] == str(report.public_id)
    refused = api.post(base, {"options": {"colour": "red"}})
    assert refused.status_code == 400


def test_a_choice_of_a_rule_is_recorded_for_good_beside_the_report_and_goes_into_releases(
    client: Client, divided: World, tmp_path: Path
) -> None:
    report = done(request_report(divided.project, options=QUICK))
    address = f"/projects/{divided.project.slug}/reports/{report.public_id}/choices/"
    api = as_(divided.olga)
    assert api.get(address).json() == []
    refused = api.post(address, {"rule": "coin", "reason": "why not"})
    assert "Choose one of the rules of this report" in refused.json()["detail"]
    assert api.post(address, {"rule": "borda", "reason": "  "}).status_code == 400
    assert api.post(address, {"rule": "borda", "reason": "First thought."}).status_code == 201
    assert as_(divided.ada).post(address, {"rule": "borda", "reason": "x"}).status_code == 403
    # the page records the second one; the newest stands, the first stays
    client.force_login(divided.olga)
    where = reverse("aggregation:choose-rule", args=[divided.project.slug, report.public_id])
    client.post(where, {"rule": "maxmin_pick", "reason": "The south must not lose <b>always</b>."})
    listed = api.get(address).json()
    assert [each["rule"] for each in listed] == ["maxmin_pick", "borda"]
    assert listed[0]["decided_by"] == "olga"
    text = page(client, divided, "report", report.public_id)
    assert "The south must not lose &lt;b&gt;always" in text
    assert "First thought." in text
    assert reporting.rebuild(report)  # a report knows nothing of what is decided after it
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        RuleChoice.objects.update(reason="Another reason.")
    release = request_release(divided.project)
    publishing.publish(release.pk)
    release.refresh_from_db()
    assert release.manifest is not None
    chosen = release.manifest["rule_choice"]
    assert (chosen["rule"], chosen["by"]) == ("maxmin_pick", "olga")
    assert chosen["report_digest"] == report.content_digest
    card = (publishing.release_folder(release) / "README.md").read_text()
    assert "by olga, after a report" in " ".join(card.split())
    api.post(address, {"rule": "plurality", "reason": "A new board."})
    lines = publishing.examine(release, rebuild=True, into=tmp_path / "again")
    assert all(line.passed for line in lines), lines
    assert "MaxMin pick" in page(client, divided, "release", release.version)


def test_under_five_people_the_api_withholds_everything(world: World) -> None:
    for number in range(4):
        for question in world.questions:
            vote(question, person(world.project, f"p{number}"), 1)
    report = done(request_report(world.project, options=QUICK))
    said = told(report)
    assert said["withheld"]
    assert said["about"]["people"] == 0
    assert {name for name, each in said.items() if each} == {
        "format", "about", "withheld", "summary", "privacy",
    }  # fmt: skip


def test_another_projects_report_is_not_found(client: Client, divided: World) -> None:
    report = done(request_report(divided.project, options=QUICK))
    other = Project.objects.create(slug="other", name="Other")
    client.force_login(divided.olga)
    address = reverse("aggregation:report", args=[other.slug, report.public_id])
    assert client.get(address).status_code == 404
