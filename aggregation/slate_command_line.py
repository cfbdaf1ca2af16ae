"""`slate`: statements written for a group of people, each for an equal part of them.

Who writes and who judges is a program of yours, started once, that reads a JSON object per line and
answers with one: a language model behind an API, a model of your own, or people at a terminal.

{"do": "generate", "people": [{…}, …], "serve": r}    ->  {"statement": "…"}
    a statement whose r-th most pleased among these people is as pleased as possible
{"do": "like", "person": {…}, "statement": "…"}       ->  {"utility": 0.7}

People are the lines of a table, all columns of it; the process is that of Fish et al. (2024), whose
guarantee (balanced justified representation) holds as far as the program's answers are right.
Nothing else leaves this process: the program is given what the table holds, and nothing is stored.
"""

import argparse
import json
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from aggregation.judgment_files import FileError, read_columns
from aggregation.slates.statements import Slate, generative_slate

Person = Mapping[str, Any]
LONGEST = 20_000  # characters of a statement


class SlateError(ValueError):
    """No slate can be made; the message says why and what to change."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command, for argparse and for Django alike."""
    parser.add_argument("file", type=Path, help="people: a line each, .csv, .jsonl or .parquet")
    parser.add_argument("--seats", "-k", type=int, default=3, help="how many statements")
    parser.add_argument("--ask", required=True, metavar="PROGRAM", help="writes and judges")
    parser.add_argument("--out", type=Path, help="write the slate to a .json file")


def run(arguments: argparse.Namespace, console: Console | None = None) -> dict[str, Any]:
    """Read people, ask the program, show, write. Raises SlateError or FileError."""
    if arguments.seats < 1:
        raise SlateError("A slate has at least one statement.")
    if arguments.out and arguments.out.suffix != ".json":
        raise SlateError(f"--out must end in .json, not '{arguments.out.suffix}'.")
    people: list[Person] = read_columns(arguments.file).to_pylist()
    if not people:
        raise FileError(f"{arguments.file} names nobody.")
    with Program(arguments.ask) as program:
        slate = generative_slate(people, arguments.seats, program.generate, program.like)
    answer = plain(slate)
    _show(answer, len(people), console or Console())
    if arguments.out:
        text = json.dumps(answer, ensure_ascii=False, indent=1, default=str)
        arguments.out.write_text(text + "\n", encoding="utf-8")
    return answer


class Program:
    """A program that answers questions, one JSON object per line each way."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __enter__(self) -> "Program":
        try:
            self._process = subprocess.Popen(
                shlex.split(self.command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
            )
        except (OSError, ValueError) as error:
            raise SlateError(f"'{self.command}' can't be started: {error}.") from error
        return self

    def __exit__(self, *_: object) -> None:
        for end in (self._process.stdin, self._process.stdout):
            if end is not None:
                end.close()
        self._process.terminate()
        self._process.wait()

    def generate(self, people: Sequence[Person], serve: int) -> str:
        statement = self._asked("generate", "statement", people=list(people), serve=serve)
        if not isinstance(statement, str) or not statement.strip():
            raise SlateError(f"The program wrote no statement, but {statement!r}.")
        if len(statement) > LONGEST:
            raise SlateError(f"The program's statement has more than {LONGEST:,} characters.")
        return statement.strip()

    def like(self, person: Person, statement: str) -> float:
        utility = self._asked("like", "utility", person=dict(person), statement=statement)
        if isinstance(utility, bool) or not isinstance(utility, int | float):
            raise SlateError(f"The program gave no number for how much is liked: {utility!r}.")
        if utility != utility or abs(utility) == float("inf"):
            raise SlateError("The program gave a utility that is no finite number.")
        return float(utility)

    def _asked(self, act: str, answer: str, **said: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            question = json.dumps({"do": act, **said}, ensure_ascii=False, default=str)
            self._process.stdin.write(question + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except (BrokenPipeError, UnicodeDecodeError) as error:
            raise SlateError(f"The program stopped while it was asked to {act}.") from error
        if not line:
            raise SlateError(f"The program ended while it was asked to {act}.")
        try:
            found = json.loads(line)
        except json.JSONDecodeError as error:
            raise SlateError(f"The program answered no JSON: {line[:200]!r}.") from error
        if not isinstance(found, dict) or answer not in found:
            raise SlateError(f"The program's answer has no '{answer}': {line[:200]!r}.")
        return found[answer]


def plain(slate: Slate[Person, str]) -> dict[str, Any]:
    """The slate as plain data: whom each statement serves, and how much the least pleased of them
    likes it.
    """
    rows = zip(slate.statements, slate.served, slate.level, strict=True)
    return {
        "statements": [
            {"statement": said, "level": level, "served": [dict(each) for each in people]}
            for said, people, level in rows
        ]
    }


def _show(answer: dict[str, Any], people: int, screen: Console) -> None:
    for place, row in enumerate(answer["statements"], start=1):
        screen.print(f"{place}. {row['statement']}", markup=False)
        screen.print(
            f"   for {len(row['served'])} of {people} people, who all like it at least "
            f"{row['level']:.3g}",
            style="dim",
        )
