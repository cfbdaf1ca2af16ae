"""Judges' own calls as data: pairs of judgments and critiques."""

import json
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from annotation.models import Judgment, Question, Role
from models_runtime import enqueue
from models_runtime.catalogue import JUDGE_EXPORTS
from models_runtime.engines.scripted import ScriptedOptions
from models_runtime.exporting_judges import lines
from models_runtime.judge_exports import Turn
from models_runtime.judge_exports.judge_pairs import MAJORITY, PEOPLE, majority, paired
from models_runtime.models import JudgeCall
from tests.annotation.calling import as_
from tests.cast import member
from tests.models_runtime.loopback import model_server
from tests.models_runtime.planted_scores import PlantedRater
from tests.models_runtime.test_auditing import scored_by
from tests.models_runtime.test_judge_pages import browser
from tests.models_runtime.test_judging_protocols import world
from tests.models_runtime.test_judging_questions import carry_out
from tests.models_runtime.worlds import served

ASKED = [{"role": "user", "content": "Rate it."}]


def turn(value: float, people: float | None = None, text: str = "") -> Turn:
    return Turn("q", "place-0", ASKED, text or f"Says {value}.", "rating@1", "amber", value, people)


def test_the_pairs_of_the_specification() -> None:
    """Samples 4, 4, 2, 5, label 4, margin 2: exactly both fours over the two."""
    assert paired([4, 4, 2, 5], 4, margin=2) == [(0, 2), (1, 2)]
    rows = list(JUDGE_EXPORTS["judge_pairs"].rows([turn(v, 4.0) for v in (4, 4, 2, 5)]))
    assert [(r["chosen_value"], r["rejected_value"]) for r in rows] == [(4, 2), (4, 2)]
    assert {row["label_source"] for row in rows} == {PEOPLE}


def test_without_people_the_majority_takes_their_place_and_says_so() -> None:
    assert majority([4, 4, 2]) == 4
    assert majority([4, 2]) is None
    rows = list(JUDGE_EXPORTS["judge_pairs"].rows([turn(v) for v in (4, 4, 2)]))
    assert {(row["label"], row["label_source"]) for row in rows} == {(4, MAJORITY)}
    assert list(JUDGE_EXPORTS["judge_pairs"].rows([turn(4), turn(2)])) == []


def test_a_bare_verdict_is_no_critique() -> None:
    told = [turn(1, text="Verdict: [[A>B]]"), turn(1, text="It names a step, and kindly so.")]
    rows = list(JUDGE_EXPORTS["critiques"].rows(told))
    assert [row["completion"][0]["content"] for row in rows] == [told[1].text]


@pytest.mark.parametrize("slug", sorted(JUDGE_EXPORTS))
def test_rows_have_the_fields_a_format_declares(slug: str) -> None:
    export = JUDGE_EXPORTS[slug]
    told = [turn(v, 4.0, f"It says {v} of five, for reasons.") for v in (4, 1)]
    rows = list(export.rows(told))
    assert rows
    assert all(tuple(row) == export.fields for row in rows)


@pytest.mark.django_db
def test_a_job_becomes_pairs_in_which_people_decide(
    settings: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """People gave 5 and 1, a fickle judge gives both; prompts are those that were sent."""
    project = world(prompts=3)
    for question in Question.objects.filter(judgment_type="rating"):
        scored_by(project, question, "ada")
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with model_server() as server:
        server.engine = PlantedRater(ScriptedOptions(), fickle=0.6)
        job = enqueue.request_judging(
            project, served(project, server.url), protocol="direct_rating",
            options={"samples": 4}, seed=3,
        )  # fmt: skip
        carry_out(job)
    rows = [json.loads(line) for line in lines(job, "judge_pairs")]
    assert rows
    for row in rows:
        place = int(row["cell"][6])
        assert row["label"] == (5, 1)[place]
        assert (row["label_source"], row["people"]) == (PEOPLE, 1)
        assert abs(row["chosen_value"] - row["label"]) < 0.5
        assert abs(row["rejected_value"] - row["label"]) >= 2
        assert row["prompt"][0]["role"] == "system"
        assert "<<<RESPONSE" in row["prompt"][-1]["content"]
    critiques = [json.loads(line) for line in lines(job, "critiques")]
    assert len(critiques) == JudgeCall.objects.filter(item__job=job).count()
    olga = member(project, "olga", Role.OWNER)
    address = f"/projects/advice/judges/{job.public_id}/exports/judge_pairs.jsonl"
    told = browser(olga).get(address)
    assert [json.loads(line) for line in b"".join(told).splitlines()] == rows
    by_api = as_(olga).get(f"/projects/advice/judges/{job.public_id}/exports/judge_pairs/")
    assert by_api.status_code == 200
    assert b"".join(by_api) == b"".join(browser(olga).get(address))
    assert browser(olga).get(address.replace("judge_pairs", "nothing")).status_code == 404
    file = tmp_path / "pairs.jsonl"
    wish = ("export_judge", "advice", str(job.public_id), "--format", "judge_pairs")
    said = StringIO()
    call_command(*wish, "--output", str(file), stdout=said)
    assert said.getvalue() == f"{len(rows)} rows in {file}\n"
    assert [json.loads(line) for line in file.read_text().splitlines()] == rows
    call_command(*wish)
    assert capsys.readouterr().out == file.read_text()
    with pytest.raises(CommandError, match="can't be written"):
        call_command(*wish, "--output", str(tmp_path))
    with pytest.raises(CommandError, match="has no judging job"):
        call_command(*wish[:2], str(uuid4()), *wish[3:])
    assert Judgment.objects.filter(source="model").exists()
