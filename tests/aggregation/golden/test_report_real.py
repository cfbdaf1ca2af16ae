"""Reports on real files, by the command line: what splits people is named, or that nothing can.

Polis conversations (compdemocracy.org/polis) and llmfao (Dmitry Ustalov; llmonitor.com), CC BY 4.0.
"""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as csv
import pytest

from aggregation.report_command_line import main
from tests.aggregation.test_report import check_every_number
from tests.aggregation.worlds import SHARED_DATA

POLIS = SHARED_DATA / "polis_conversations"
LLMFAO = SHARED_DATA / "llmfao" / "judgments.csv.gz"


def reported(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    out = tmp_path / "report.json"
    assert main([*arguments, "--out", str(out)]) == 0
    found = json.loads(out.read_text())
    assert isinstance(found, dict)
    return found


def with_published_groups(name: str, folder: Path) -> str:
    """A file of the conversation with a column of the groups that Polis published."""
    if not POLIS.exists():
        pytest.skip("the opinion conversations are not here")
    people = csv.read_csv(POLIS / f"{name}.participants.csv.gz").to_pydict()
    group = {
        who: None if said in (None, "") else f"group {said}"
        for who, said in zip(people["participant"], people["group"], strict=True)
    }
    votes = csv.read_csv(POLIS / f"{name}.judgments.csv.gz")
    said = pa.array([group[who] for who in votes["participant"].to_pylist()], pa.string())
    path = folder / f"{name}.csv"
    csv.write_csv(votes.append_column("published", said), path)
    return str(path)


def statements(told: dict[str, Any], which: str, figure: str) -> list[tuple[str, float]]:
    return [(each["text"], round(each[figure]["value"], 3)) for each in told["groups"][which][:3]]


def test_the_report_names_what_splits_and_what_unites_the_published_groups(tmp_path: Path) -> None:
    told = reported(
        tmp_path, with_published_groups("brexit", tmp_path), "--by", "published",
        "-o", "replicates=12",
    )  # fmt: skip
    assert told["groups"]["declared"] is True
    sizes = sorted(card["size"]["value"] for card in told["groups"]["cards"])
    assert sizes == [91, 106]
    assert told["groups"]["statements_judged"]["value"] == 48
    assert statements(told, "splitting", "gap")[0] == ("8", 0.731)
    assert statements(told, "uniting", "consensus") == [("14", 0.851), ("19", 0.846), ("1", 0.834)]
    assert told["groups"]["splitting"][0]["gap"]["lo"] > 0.5
    assert check_every_number(told) > 150
    assert told["disagreement"]["pluralism"]["lo"] > 0.05
    assert "“8”" in " ".join(told["groups"]["sentences"])


def test_groups_sought_in_the_votes_split_over_the_same_statement(tmp_path: Path) -> None:
    if not POLIS.exists():
        pytest.skip("the opinion conversations are not here")
    told = reported(
        tmp_path, str(POLIS / "brexit.judgments.csv.gz"),
        "-o", "replicates=3", "restarts=3", "most=3",
    )  # fmt: skip
    assert told["sufficiency"]["verdict"] == "groups"
    assert len(told["groups"]["cards"]) == 2
    assert statements(told, "splitting", "gap")[0][0] == "8"
    assert told["groups"]["cards"][0]["examples"][0]["preference"].endswith("agrees with “8”")


def test_a_thin_conversation_gets_a_report_that_says_so(tmp_path: Path) -> None:
    if not POLIS.exists():
        pytest.skip("the opinion conversations are not here")
    told = reported(tmp_path, str(POLIS / "seattle15.judgments.csv.gz"), "-o", "replicates=3")
    assert told["sufficiency"]["gate"] == ["the median annotator has 4 votes, fewer than 10"]
    assert "Groups can't be told apart" in told["summary"][1]


def test_language_models_judged_by_a_crowd_can_t_tell_groups_apart(tmp_path: Path) -> None:
    if not LLMFAO.exists():
        pytest.skip("the crowd's comparisons of language models are not here")
    told = reported(
        tmp_path, str(LLMFAO), "--where", "annotator_kind=human",
        "-o", "replicates=3", "restarts=4", "most=2",
    )  # fmt: skip
    assert (told["about"]["people"], told["about"]["items"]) == (124, 59)
    assert told["sufficiency"]["verdict"] in ("one group", "not enough")
    assert len(told["groups"]["cards"]) == 1
    assert told["disagreement"]["pluralism"]["value"] is None
    assert told["decisions"]["rules"][1]["said"] == "80"  # GPT-4, as in every published ranking
    assert told["minority"]["dissents"] == []


def test_a_file_without_annotators_is_refused_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "votes.csv"
    path.write_text("a,b,winner\nx,y,a\n")
    assert main([str(path)]) == 2
    assert "--map" in capsys.readouterr().err
    assert main([str(path), "--by", "region"]) == 2
    assert "no column 'region'" in " ".join(capsys.readouterr().err.split())
