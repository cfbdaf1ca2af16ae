"""Statements written by a program: a real one, and several that answer badly."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

PEOPLE = "name,wish\na,parks\nb,parks\nc,parks\nd,parks\ne,buses\nf,buses\n"

WRITER = """
import json, sys
from collections import Counter
for line in sys.stdin:
    asked = json.loads(line)
    if asked["do"] == "generate":
        wish, _ = Counter(each["wish"] for each in asked["people"]).most_common(1)[0]
        answer = {"statement": f"More {wish}."}
    else:
        answer = {"utility": 1.0 if asked["person"]["wish"] in asked["statement"] else 0.1}
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE)
    return path


def slate(people: Path, program: str, **options: Any) -> Any:
    script = people.with_name("writer.py")
    script.write_text(program)
    out = people.with_name("slate.json")
    ask = f"{shlex.quote(sys.executable)} {shlex.quote(str(script))}"
    call_command("slate", str(people), ask=ask, out=out, **options)
    return json.loads(out.read_text())["statements"]


def test_each_third_of_the_people_gets_a_statement_of_its_own(people: Path) -> None:
    found = slate(people, WRITER, seats=3)
    assert [row["statement"] for row in found] == ["More parks.", "More parks.", "More buses."]
    assert [row["level"] for row in found] == [1.0, 1.0, 1.0]
    assert [[each["name"] for each in row["served"]] for row in found] == [
        ["a", "b"],
        ["c", "d"],
        ["e", "f"],
    ]


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("print('no')", "no JSON"),
        ("import sys; sys.exit(1)", "ended while|stopped while"),
        ("print('{}')", "no 'statement'"),
        ('print(\'{"statement": " "}\')', "wrote no statement"),
        ('print(\'{"statement": "x"}\'); print(\'{"utility": "much"}\')', "gave no number"),
        ('print(\'{"statement": "x"}\'); print(\'{"utility": NaN}\')', "no finite number"),
        ('print(\'{"statement": "x"}\'); print(\'{"utility": true}\')', "gave no number"),
    ],
)
def test_a_program_that_answers_badly_is_told_what_was_wrong(
    people: Path, program: str, said: str
) -> None:
    waiting = "; import sys; sys.stdin.read()"  # it listens on, as a program in use would
    with pytest.raises(CommandError, match=said):
        slate(people, program + waiting)


def test_a_program_that_is_not_there_and_a_slate_of_nothing_are_refused(people: Path) -> None:
    with pytest.raises(CommandError, match="can't be started"):
        call_command("slate", str(people), ask="no-such-program-here")
    with pytest.raises(CommandError, match="at least one"):
        slate(people, WRITER, seats=0)
