"""`./polyphony tie_break`: commit to a number, settle a tie, draw by a beacon, check a record."""

import json
import secrets
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aggregation.diagnostics.tie_break import (
    TieBreak,
    TieBreakError,
    beacon_draw,
    commitment,
    played,
    verify,
)


class Command(BaseCommand):
    help = "Break a tie so that anybody can check it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        commit = acts.add_parser("commit", help="a commitment to publish, and what to reveal later")
        commit.add_argument("number", type=int, nargs="?", help="drawn at random if left out")
        game = acts.add_parser("settle", help="settle the modular game from a JSON file")
        game.add_argument("file", type=Path, help='{"options": […], "commits": {}, "reveals": {}}')
        draw = acts.add_parser("draw", help="draw one option by a public beacon")
        draw.add_argument("options", nargs="+")
        draw.add_argument("--beacon", required=True, help="a text nobody knew before the votes")
        draw.add_argument("--digest", default="", help="digest of the data, such as a result's")
        draw.add_argument("--question", default="")
        check = acts.add_parser("verify", help="check a record")
        check.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.stdout.write(json.dumps(self._answer(options), ensure_ascii=False, indent=1))
        except (TieBreakError, OSError, json.JSONDecodeError) as error:
            raise CommandError(str(error)) from error

    def _answer(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["act"] == "commit":
            drawn = secrets.randbits(53) if options["number"] is None else options["number"]
            salt = secrets.token_hex(16)
            kept = {"number": drawn, "salt": salt}
            return {"publish": commitment(drawn, salt), "keep_and_reveal_later": kept}
        if options["act"] == "draw":
            return beacon_draw(
                options["options"], options["digest"], options["question"], options["beacon"]
            ).plain()
        given = json.loads(options["file"].read_text(encoding="utf-8"))
        if options["act"] == "verify":
            record = TieBreak.from_plain(given)
            if not verify(record):
                raise TieBreakError("This record does not give the winner it names.")
            return {"verified": True, "winner": record.winner, "withheld": list(record.withheld)}
        return played(given).plain()
