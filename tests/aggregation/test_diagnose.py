"""The doors to manipulation, effects, peer scores and public tie-breaks."""

import json
from math import log
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from annotation.models import User

RANKS = "ballot,item,rank\n" + "".join(
    f"{voter},{item},{rank}\n"
    for voter, order in enumerate(["abc"] * 4 + ["bca"] * 3 + ["cba"] * 2)
    for rank, item in enumerate(order, 1)
)
PAIRS = "a,b,winner,annotator\n" + "".join(
    f"s{k % 4},s{(k + 1 + k % 3) % 4},{'a' if k % 5 else 'b'},p{k % 6}\n" for k in range(60)
)
ITEMS = "item,tone\ns0,dry\ns1,warm\ns2,dry\ns3,\n"
LABELS = "unit,annotator,label\n" + "".join(
    f"u{u},p{j},{'yes' if (u % 3 > 0) != (j == u % 7) else 'no'}\n"
    for u in range(12)
    for j in range(3)
)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, text in (("r", RANKS), ("p", PAIRS), ("i", ITEMS), ("l", LABELS)):
        (tmp_path / f"{name}.csv").write_text(text)
    return tmp_path


def diagnose(files: Path, question: str, *rest: str) -> Any:
    out = files / "out.json"
    call_command("diagnose", question, *rest, "--out", str(out))
    return json.loads(out.read_text())


def test_two_voters_can_turn_a_plurality(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """4 a, 3 b, 2 c: one c voter for b makes it level, and both like b better than a."""
    told = diagnose(files, "manipulation", str(files / "r.csv"), "--method", "plurality")
    assert (told["winners"], told["count"], told["complete"]) == (["a"], 1.0, True)
    assert told["strategies"][0]["ballot"] == "c > b > a"
    assert "are enough to gain" in capsys.readouterr().out
    safe = diagnose(files, "manipulation", str(files / "r.csv"), "--method", "random_dictator")
    assert safe["count"] is None


def test_effects_are_read_from_two_files(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = diagnose(files, "effects", str(files / "p.csv"), str(files / "i.csv"))
    assert {level["level"] for level in told["levels"]} == {"dry", "warm"}
    assert told["left_out"] > 0
    assert told["clusters"] == 5  # one person saw nothing but pairs with the unknown item
    assert "Causal only" in capsys.readouterr().out


def test_peers_can_be_paid(files: Path) -> None:
    told = diagnose(files, "peers", str(files / "l.csv"), "--base", "2", "--scale", "10")
    assert [row["shared"] for row in told["annotators"]] == [24, 24, 24]
    for row in told["annotators"]:
        bonus = max(row["correlated_agreement"], 0)
        assert row["payment"] == pytest.approx(2 + 10 * bonus)


def test_confidence_is_paid_by_known_answers(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """1 - .1² and 1 - .8² are .99 and .36; where nobody gave the right label all were wrong."""
    rows = [("u1", "ada", "yes", 0.9), ("u2", "ada", "no", 0.8), ("u3", "ada", "yes", "")]
    rows += [("u1", "bo", "yes", 1.0), ("u4", "bo", "no", 0.3), ("u5", "cy", "no", 0.5)]
    text = "".join(f"{u},{who},{label},{conf}\n" for u, who, label, conf in rows)
    (files / "c.csv").write_text("unit,annotator,label,confidence\n" + text)
    (files / "g.csv").write_text("unit,gold\nu1,yes\nu2,yes\nu3,yes\nu4,perhaps\nu9,no\n")
    asked = ("known", str(files / "c.csv"), str(files / "g.csv"))
    told = diagnose(files, *asked, "--base", "1", "--scale", "2")
    ada, bo, cy = told["annotators"]
    assert (ada["n"], bo["n"], cy["n"]) == (2, 2, 0)
    assert ada["score"] == pytest.approx((0.99 + 0.36) / 2)
    assert ada["se"] == pytest.approx(0.315)  # half the difference of the two
    assert bo["score"] == pytest.approx((1.0 + 0.91) / 2)
    assert ada["payment"] == pytest.approx(1 + 2 * 0.675)
    assert (cy["score"], cy["payment"]) == (None, None)
    assert "Saying what one believes pays best" in capsys.readouterr().out
    logs = diagnose(files, *asked, "--score", "logarithmic")["annotators"]
    assert logs[0]["score"] == pytest.approx(1 + (log(0.9) + log(0.2)) / -log(1e-4) / 2)


def test_the_majority_is_held_against_known_answers(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gold = "unit,gold\n" + "".join(f"u{u},{'yes' if u % 3 else 'no'}\n" for u in range(12))
    (files / "g.csv").write_text(gold)
    told = diagnose(files, "majority", str(files / "l.csv"), str(files / "g.csv"))["weights"]
    assert (told["units"], told["labels"], told["annotators"]) == (12, 36, 3)
    assert told["gold"]["units"] == 12
    assert told["gold"]["majority"] == 1.0  # one of three is wrong at a time
    assert told["certificate"]["units"] == 12
    assert "On 12 known answers: majority 1.0000" in capsys.readouterr().out
    without = diagnose(files, "majority", str(files / "l.csv"))["weights"]
    assert without["gold"] is None
    with pytest.raises(CommandError, match="a column 'gold'"):
        diagnose(files, "majority", str(files / "l.csv"), str(files / "i.csv"))


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        (["manipulation", "r.csv"], "Name a rule"),
        (["manipulation", "r.csv", "-m", "dawid_skene"], "reads no rankings"),
        (["manipulation", "p.csv", "-m", "borda"], "in rankings"),
        (["effects", "p.csv"], "second file"),
        (["effects", "p.csv", "none.csv"], "can't be read"),
        (["effects", "p.csv", "i.csv", "--baselines", "tone: loud"], "no level 'loud'"),
        (["peers", "r.csv"], "can't be turned into"),
        (["known", "l.csv"], "Name a second file"),
        (["known", "l.csv", "i.csv"], "needs a column of items and a column .gold."),
        (["peers", "l.csv", "--base", "1", "--scale", "-1"], "positive"),
        (["peers", "l.csv", "--out", "x.txt"], "end in .json"),
    ],
)
def test_what_cannot_be_diagnosed_is_said(files: Path, rest: list[str], said: str) -> None:
    named = [str(files / word) if word.endswith(".csv") else word for word in rest]
    with pytest.raises(CommandError, match=said):
        call_command("diagnose", *named)


# --- Tie-breaks --------------------------------------------------------------------------------


def tie_break(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    call_command("tie_break", *words)
    return json.loads(capsys.readouterr().out)


def test_a_game_is_played_and_checked_at_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hands = {who: tie_break(capsys, "commit", *number) for who, number in
             (("ann", ["3"]), ("bob", ["7"]), ("cyn", []))}  # fmt: skip
    game = tmp_path / "game.json"
    game.write_text(
        json.dumps(
            {
                "options": ["x", "y", "z"],
                "commits": {who: hand["publish"] for who, hand in hands.items()},
                "reveals": {who: hand["keep_and_reveal_later"] for who, hand in hands.items()},
            }
        )
    )
    record = tie_break(capsys, "settle", str(game))
    total = sum(hand["keep_and_reveal_later"]["number"] for hand in hands.values())
    assert record["winner"] == record["order"][total % 3]
    kept = tmp_path / "record.json"
    kept.write_text(json.dumps(record))
    assert tie_break(capsys, "verify", str(kept))["verified"]
    kept.write_text(json.dumps({**record, "place": (record["place"] + 1) % 3}))
    with pytest.raises(CommandError, match="does not give the winner"):
        call_command("tie_break", "verify", str(kept))
    kept.write_text("{}")
    with pytest.raises(CommandError, match="no record"):
        call_command("tie_break", "verify", str(kept))
    with pytest.raises(CommandError, match="this is not one"):
        call_command("tie_break", "settle", str(kept))


def test_a_beacon_draws_at_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    record = tie_break(capsys, "draw", "x", "y", "--beacon", "lottery of Friday")
    assert record["winner"] in ("x", "y")


@pytest.fixture
def reader(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("reader"))
    return client


def post(client: Client, address: str, sent: Any) -> Any:
    return client.post(f"/api/v1/tie-breaks/{address}", sent, content_type="application/json")


def test_the_api_settles_draws_and_checks(reader: Client) -> None:
    drawn = post(reader, "", {"options": ["x", "y"], "beacon": "Friday"})
    assert drawn.status_code == 200, drawn.content
    assert post(reader, "verify/", drawn.json()).json() == {"verified": True}
    turned = {**drawn.json(), "place": 1 - drawn.json()["place"]}
    assert post(reader, "verify/", turned).json() == {"verified": False}
    empty = post(reader, "", {"options": ["x", "y"]})
    assert empty.status_code == 400
    assert "Nobody has revealed" in empty.json()["detail"]
    assert post(reader, "", {"options": []}).status_code == 400
    assert post(reader, "verify/", {"rule": "x"}).status_code == 400
    assert post(reader, "verify/", [1]).status_code == 400
    assert post(Client(), "", {"options": ["x"]}).status_code in (401, 403)
