"""Judges' cards in the hands of people and programs."""

import pytest
from django.core.management import call_command

from annotation.consent import withdraw
from annotation.models import Annotator, Project, Role
from models_runtime import audit_gate
from models_runtime.audit_material import material_of
from models_runtime.auditing import run_audit
from models_runtime.models import AuditJob, AuditWaiver
from models_runtime.reliability_chart import reliability_chart
from tests.annotation.calling import as_
from tests.cast import member
from tests.models_runtime.test_auditing import LABELLED, audited
from tests.models_runtime.test_auditing import world as world
from tests.models_runtime.test_judge_pages import browser, page
from tests.models_runtime.worlds import scripted

pytestmark = pytest.mark.django_db
CARDS = "/projects/audited/judges/cards/"


def test_an_owner_asks_for_an_audit_reads_the_card_and_decides(world: Project) -> None:
    olga = browser(member(world, "olga", Role.OWNER))
    checkpoint = scripted(world, position_bias=3.0)
    assert "No card yet" in page(olga, CARDS)
    assert "No card is asked for" in page(olga, CARDS)
    olga.post(f"{CARDS}rule/", {"demands": "yes"})
    assert audit_gate.demands_card(world)
    assert "needs a card" in page(olga, CARDS)
    given = {
        "checkpoint": str(checkpoint.public_id), "pairs": 24, "audits": ["position", "calibration"],
        "option_template": "labelled@1", "option_reducer": "logit_mean",
        "option_both_orders": "on", "option_repairs": "on",
    }  # fmt: skip
    response = olga.post(f"{CARDS}new/", given)
    assert response.status_code == 302, response.content.decode()
    job = AuditJob.objects.get()
    address = f"{CARDS}{job.public_id}/"
    assert response.headers["Location"] == address
    assert "Questions" in page(olga, address)
    withdraw(Annotator.objects.get(external_id="person-1"))
    run_audit(job.pk)
    told = page(olga, address)
    assert "24 judgments are left out because their authors have withdrawn" in told
    assert {len(each.votes) for each in material_of(job).pairs} == {1}
    assert "Not fit to label as it is: it fails on" in told
    for words in ("log-odds", "Denominator", "98 %", 'class="reliability"', "Let it label all"):
        assert words in told
    olga.post(f"{address}let-through/", {"reason": "Only to compare."})
    assert "Only to compare." in page(olga, address)
    assert "Only to compare." in page(olga, CARDS)
    assert audit_gate.standing(world, checkpoint, "pairwise", job.options).waiver is not None
    document = olga.get(f"{address}card.json").json()
    assert document["grade"] == "fail"
    assert {each["audit"] for each in document["findings"]} == {"position", "calibration"}
    assert document["findings"][0]["figures"][0]["method"]


def test_managers_audit_but_only_owners_decide_and_annotators_see_nothing(world: Project) -> None:
    job = audited(scripted(world, position_bias=3.0), audits=["position"])
    address = f"{CARDS}{job.public_id}/"
    manager = browser(member(world, "manny", Role.MANAGER))
    assert "Let it label all the same" not in page(manager, address)
    assert manager.post(f"{address}let-through/", {"reason": "Why not."}).status_code == 403
    assert manager.post(f"{CARDS}rule/", {"demands": "yes"}).status_code == 403
    annotator = browser(member(world, "anna", Role.ANNOTATOR))
    assert annotator.get(address).status_code in {403, 404}


def test_two_cards_stand_side_by_side(world: Project) -> None:
    first = audited(scripted(world, "amber-1"), audits=["position", "drift"])
    second = audited(
        scripted(world, "amber-2", position_bias=2.0), audits=["position", "drift"], earlier=first
    )
    told = page(browser(member(world, "olga", Role.OWNER)), f"{CARDS}{second.public_id}/")
    assert "Beside the earlier card" in told
    assert "consistent with its earlier version" in told
    assert "<td>yes</td>" in told


def test_cards_over_the_api_and_the_command_line(
    world: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    olga = as_(member(world, "olga", Role.OWNER))
    checkpoint = scripted(world)
    address = "/projects/audited/judge-audits/"
    given = {"checkpoint": str(checkpoint.public_id), "options": LABELLED, "audits": ["position"]}
    made = olga.post(address, given)
    assert made.status_code == 201, made.content
    assert made.json()["grade"] == "unknown"
    bad = olga.post(address, given | {"earlier": made.json()["id"]})
    assert bad.status_code == 400
    assert "finished card" in bad.json()["detail"]
    stopped = olga.post(f"{address}{made.json()['id']}/cancel/")
    assert stopped.json()["state"] == "cancelled"
    done = audited(checkpoint, audits=["position"])
    told = olga.get(f"{address}{done.public_id}/").json()
    assert told["findings"][0]["figures"][0]["denominator"] == 24
    assert told["verdict"].startswith("May label")
    assert olga.get(f"{address}rule/").json() == {"demands_card": False}
    assert olga.send("PUT", f"{address}rule/", '{"demands_card": true}').json() == {
        "demands_card": True
    }
    assert audit_gate.demands_card(world)
    let = olga.post(f"{address}{done.public_id}/let-through/", {"reason": "Only to compare."})
    assert let.status_code == 200, let.content
    assert AuditWaiver.objects.get().job == done
    manny = as_(member(world, "manny", Role.MANAGER))
    assert manny.send("PUT", f"{address}rule/", '{"demands_card": false}').status_code == 403
    assert manny.post(f"{address}{done.public_id}/let-through/", {"reason": "x"}).status_code == 403
    call_command("audit_judge", "audited", checkpoint.name, "--audit", "position")
    assert "waits for a worker" in capsys.readouterr().out


def test_the_reliability_chart_says_its_numbers() -> None:
    bins = [{"sure": 0.7, "right": 0.6, "low": 0.5, "high": 0.7, "n": 20}]
    drawn = reliability_chart(bins, title="Right & sure", x_words="sure", y_words="right")
    for words in ("<title", "Right &amp; sure", "70%: 60% (20)"):
        assert words in drawn
    assert drawn.count("reliability-mark") == 1
    assert reliability_chart([], title="", x_words="", y_words="") == ""
