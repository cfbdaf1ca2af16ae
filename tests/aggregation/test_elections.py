"""Elections over score tables: reading, rules, prospects, and the three doors."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from aggregation.catalogue import METHODS
from aggregation.elections import Election, Outcome, hold
from aggregation.elections_reading import read_scores
from aggregation.elections_report import as_csv, headline, order, plain, rule_rows
from aggregation.elections_scores import geometric_mean, threshold, two_level_borda
from aggregation.elections_table import ElectionError, ScoreTable
from aggregation.warning_codes import WarningCode
from annotation.models import User

SMALL = "system,x,y,z\nann,3,1,2\nbob,2,3,1\ncyn,1,2,3\n"
ADDRESS = "/elections/"


def table(*rows: Sequence[float], **rest: Any) -> ScoreTable:
    score = np.array(rows, dtype=float)
    return ScoreTable(
        tuple("abcdef"[: len(rows)]),
        tuple(f"t{k}" for k in range(score.shape[1])),
        score,
        rest.pop("weight", np.ones(score.shape[1])),
        **rest,
    )


def outcome(held: Election, slug: str) -> Outcome:
    return next(each for each in held.outcomes if each.slug == slug)


# --- Reading -----------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_tables_come_with_commas_semicolons_or_tabs(delimiter: str) -> None:
    read = read_scores("\ufeff" + SMALL.replace(",", delimiter) + "\n")
    assert read.systems == ("ann", "bob", "cyn")
    assert read.tasks == ("x", "y", "z")
    assert read.score.tolist() == [[3, 1, 2], [2, 3, 1], [1, 2, 3]]


def test_empty_cells_are_missing_and_names_can_be_left_out() -> None:
    read = read_scores(
        "s,x,y\nann,1,-\nbob,NA\ncyn,3,4\n", weights="y: 2", lower=["x"], leave_out=["cyn"]
    )
    assert read.systems == ("ann", "bob")
    np.testing.assert_array_equal(read.score, [[1, np.nan], [np.nan, np.nan]])
    assert read.weight.tolist() == [1, 2]
    assert read.signed[0, 0] == -1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names of tasks"),
        ("system,x\n", "names of tasks"),
        ("system\nann\n", "names no task"),
        ("system,x,x\nann,1,2\n", "'x' occurs twice"),
        ("system,x\nann,1\nann,2\n", "Line 3: the system 'ann' occurs twice"),
        ("system,x\n,1\n", "Line 2: a system has no name"),
        ("system,x\nann,good\n", "Line 2, task 'x': 'good' is no number"),
        ("system,x\nann,inf\n", "not finite"),
        ("system,x\nann,1,2\n", "Line 2 has 2 scores for 1 tasks"),
        ('system,x\nann,"1\n', "Line 2: unexpected end"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(text: str, said: str) -> None:
    with pytest.raises(ElectionError, match=said):
        read_scores(text)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"weights": "w: 1"}, "no task 'w'"),
        ({"weights": "x: much"}, "no number"),
        ({"lower": ["w"]}, "no task 'w'"),
        ({"leave_out": ["dan"]}, "no system or task 'dan'"),
    ],
)
def test_an_option_that_names_nothing_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ElectionError, match=said):
        read_scores(SMALL, **options)


# --- Rules -------------------------------------------------------------------------------------


def test_ballots_follow_scores_and_missing_systems_are_not_on_them() -> None:
    ballots = table([3, np.nan], [3, 1], [2.9, 5]).ballots(delta=0.05)
    assert ballots.ptr.tolist() == [0, 3, 5]
    assert ballots.item.tolist() == [0, 1, 2, 2, 1]
    assert ballots.tier.tolist() == [0, 0, 1, 0, 1]
    assert ballots.annotator_ids == ("t0", "t1")


def test_a_circle_has_no_condorcet_winner_and_everybody_could_win() -> None:
    held = hold(read_scores(SMALL), replicates=0)
    assert held.condorcet is None
    assert all(prospect.wins for prospect in held.prospects)
    assert "No system beats every other one" in headline(held)


def test_weights_turn_the_winner() -> None:
    held = hold(read_scores(SMALL, weights="y: 5"), ["borda", "schulze"], replicates=0)
    assert held.condorcet == 1
    assert [each.winners for each in held.outcomes] == [(1,), (1,)]


def test_a_system_that_is_beaten_on_every_task_can_never_win() -> None:
    held = hold(table([2, 2], [1, 1]), ["borda"], replicates=0)
    assert [prospect.wins for prospect in held.prospects] == [True, False]
    assert held.prospects[1].margin == pytest.approx(-1.0)


def test_every_rule_of_social_choice_stands_beside_the_others() -> None:
    held = hold(read_scores(SMALL), replicates=0)
    shown = {each.slug for each in held.outcomes}
    assert {"split_cycle", "stable_voting", "nanson", "slater", "nash", "rank_centrality"} <= shown
    assert shown >= {slug for slug, m in METHODS.items() if m.family == "social_choice"}
    assert len(shown) == len(held.outcomes)


def test_rules_are_held_once_in_the_order_they_were_asked_for() -> None:
    held = hold(read_scores(SMALL), ["schulze", "threshold", "schulze"], replicates=0)
    assert [each.slug for each in held.outcomes] == ["schulze", "threshold"]


def test_threshold_counts_last_places_first() -> None:
    one = table([3, 3, 1], [2, 2, 2], [1, 1, 3])
    assert threshold(one, one.weight).tolist() == [1, 2, 0]


def test_two_levels_weigh_groups_not_instances() -> None:
    """Ten instances of one task prefer a, one instance each of two tasks prefers b."""
    scores = table([1] * 10 + [0, 0], [0] * 10 + [1, 1])
    groups = ["long"] * 10 + ["short", "other"]
    assert two_level_borda(scores, scores.weight, groups).tolist() == [1, 2]
    held = hold(scores, replicates=0, groups={f"t{k}": "long" for k in range(10)})
    assert outcome(held, "borda").winners == (0,)
    assert outcome(held, "two_level_borda").winners == (1,)


def test_geometric_means_of_zero_and_of_less() -> None:
    found = geometric_mean(one := table([0, 4], [2, 8], [-1, 3], [np.nan, np.nan]), one.weight)
    np.testing.assert_allclose(found, [0, 4, np.nan, np.nan])


def test_missing_scores_are_pointed_out() -> None:
    held = hold(table([3, np.nan], [1, 1], [np.nan, np.nan]), replicates=0)
    codes = {warning.code for warning in outcome(held, "arithmetic_mean").warnings}
    assert codes == {WarningCode.UNBALANCED_EXPOSURE, WarningCode.UNSEEN_ITEMS}
    assert outcome(held, "arithmetic_mean").rank.tolist() == [1, 2, 0]
    for each in held.outcomes:
        assert each.rank[2] == 0, each.slug


def test_resampling_tasks_gives_the_same_intervals_for_the_same_seed() -> None:
    rng = np.random.default_rng(0)
    scores = table(*(rng.normal(size=(4, 12)) + np.array([[2], [0.1], [0], [-2]])).tolist())
    first, second = hold(scores, replicates=25, seed=3), hold(scores, replicates=25, seed=3)
    for one, other in zip(first.outcomes, second.outcomes, strict=True):
        assert one.rank_lo is not None
        assert one.rank_hi is not None
        assert other.rank_lo is not None
        assert one.rank_lo.tolist() == other.rank_lo.tolist()
        assert (one.rank_lo <= one.rank_hi).all()
    borda = outcome(first, "borda")
    assert borda.rank_hi is not None
    assert borda.rank_lo is not None
    assert borda.rank_hi[0] <= 2
    assert borda.rank_lo[3] >= 3


def test_renaming_systems_permutes_every_rule() -> None:
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(5, 9))
    turn = rng.permutation(5)
    one = hold(table(*scores.tolist()), replicates=0)
    other = hold(table(*scores[turn].tolist()), replicates=0)
    for before, after in zip(one.outcomes, other.outcomes, strict=True):
        assert after.rank.tolist() == before.rank[turn].tolist(), before.slug


def test_one_task_or_one_system_is_no_error() -> None:
    alone = hold(table([1, 2]), replicates=10)
    assert alone.condorcet is None
    assert outcome(alone, "borda").rank.tolist() == [1]
    assert rule_rows(hold(table([1], [2]), replicates=10))[0].cells[0].rank == "1"


def test_unknown_rules_and_empty_tables_are_refused() -> None:
    with pytest.raises(ElectionError, match="no rule 'dice'"):
        hold(read_scores(SMALL), ["dice"])
    with pytest.raises(ElectionError, match="at least one system"):
        hold(ScoreTable((), (), np.zeros((0, 0)), np.zeros(0)))
    with pytest.raises(ElectionError, match="no task 'w'"):
        hold(read_scores(SMALL), groups={"w": "x"})


def test_what_is_told_is_plain_and_complete() -> None:
    held = hold(read_scores(SMALL), replicates=20)
    told = json.loads(json.dumps(plain(held), allow_nan=False))
    assert {rule["rule"] for rule in told["rules"]} == {o.slug for o in held.outcomes}
    assert len(as_csv(held).splitlines()) == 1 + 3 * len(held.outcomes)
    assert sorted(order(held)) == [0, 1, 2]


def test_names_never_become_formulas() -> None:
    held = hold(read_scores("s,x\n=1+1,2\nbob,1\n"), ["borda"], replicates=0)
    assert "borda,'=1+1," in as_csv(held)


# --- Doors -------------------------------------------------------------------------------------


@pytest.fixture
def reader(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("reader"))
    return client


def test_the_page_asks_for_an_account(db: None) -> None:
    assert Client().get(ADDRESS).status_code == 302


def test_a_pasted_table_becomes_a_matrix_of_rules(reader: Client) -> None:
    assert "Hold the election" in reader.get(ADDRESS).content.decode()
    html = reader.post(ADDRESS, {"table": SMALL, "replicates": 20}).content.decode()
    assert "No system beats every other one" in html
    assert "Kemeny" in html
    assert "Who could win" in html
    assert '<th scope="col" class="number">ann</th>' in html


def test_only_the_ticked_rules_are_held_and_stay_ticked(reader: Client) -> None:
    sent = {"table": SMALL, "replicates": 0, "rules": ["schulze", "split_cycle"]}
    html = reader.post(ADDRESS, sent).content.decode()
    assert html.count('<tr><th scope="row">Schulze</th>') == 1
    assert '<tr><th scope="row">Kemeny' not in html
    assert '<details class="field" open><summary>Choose rules' in html
    assert re.findall(r'value="(\w+)"[^>]* checked', html) == ["schulze", "split_cycle"]


def test_an_uploaded_table_can_be_downloaded_as_ranks(reader: Client) -> None:
    sent = SimpleUploadedFile("scores.csv", SMALL.encode())
    answer = reader.post(ADDRESS, {"file": sent, "replicates": 0, "format": "csv"})
    assert answer["Content-Disposition"] == 'attachment; filename="election.csv"'
    assert answer.content.decode().startswith("rule,system,score,rank")
    answer = reader.post(ADDRESS, {"table": SMALL, "replicates": 0, "format": "json"})
    assert answer.json()["systems"] == ["ann", "bob", "cyn"]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"table": ""}, "Paste a table or choose a file."),
        ({"table": "s,x\nann,<b>\n"}, "&lt;b&gt;&#x27; is no number"),
        ({"table": SMALL, "groups": "x"}, "ITEM: VALUE"),
        ({"table": SMALL, "rules": ["two_level_borda"]}, "needs groups of tasks"),
        ({"table": SMALL, "rules": ["dice"]}, "dice is not one of the available choices"),
        ({"table": "s,x\n" + "".join(f"s{k},1\n" for k in range(61))}, "at most 60 systems"),
    ],
)
def test_a_refused_table_stays_on_the_page(reader: Client, sent: Any, said: str) -> None:
    answer = reader.post(ADDRESS, sent)
    assert answer.status_code == 422
    assert said in answer.content.decode()


def test_a_file_that_is_no_text_is_refused(reader: Client) -> None:
    answer = reader.post(ADDRESS, {"file": SimpleUploadedFile("x.csv", b"\xff\xfe\x00")})
    assert "text in UTF-8" in answer.content.decode().replace("&#x27;", "'")


def test_the_api_gives_the_same_ranks(reader: Client) -> None:
    sent: dict[str, Any] = {"table": SMALL, "replicates": 0, "weights": "y: 5"}
    answer = reader.post("/api/v1/elections/", sent, content_type="application/json")
    assert answer.status_code == 200, answer.content
    assert answer.json()["condorcet_winner"] == "bob"
    sent["rules"] = ["two_level_borda", "irv"]
    sent["groups"] = "x: one, y: one"
    answer = reader.post("/api/v1/elections/", sent, content_type="application/json")
    assert [rule["rule"] for rule in answer.json()["rules"]] == ["two_level_borda", "irv"]
    sent["rules"] = ["dice"]
    answer = reader.post("/api/v1/elections/", sent, content_type="application/json")
    assert answer.status_code == 400
    assert "dice is not one of the available choices" in answer.content.decode()
    bad = reader.post("/api/v1/elections/", {"table": "x"}, content_type="application/json")
    assert bad.status_code == 400
    assert "names of tasks" in bad.content.decode()


def test_the_command_shows_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "scores.csv"
    file.write_text(SMALL)
    out = tmp_path / "ranks.json"
    call_command("elections", str(file), "--replicates", "20", "--out", str(out))
    assert "Prospective winners" in capsys.readouterr().out
    assert json.loads(out.read_text())["systems"] == ["ann", "bob", "cyn"]
    with pytest.raises(CommandError, match=r"must end in .csv or .json"):
        call_command("elections", str(file), "--replicates", "0", "--out", str(tmp_path / "x"))
    with pytest.raises(CommandError, match="no rule 'dice'"):
        call_command("elections", str(file), "--rule", "dice")
    with pytest.raises(CommandError, match="can't be read"):
        call_command("elections", str(tmp_path / "none.csv"))
