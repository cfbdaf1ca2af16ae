"""`./polyphony combine_rewards PROJECT NAME[=WEIGHT] …`: several measurements made into one."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation.management.by_slug import project_named
from models_runtime.combining import METHODS
from models_runtime.combining_rewards import Part, combine_rewards
from models_runtime.errors import NotPossible


class Command(BaseCommand):
    help = "Combine measurements of a project's candidates into one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's slug")
        parser.add_argument(
            "parts",
            nargs="+",
            metavar="NAME[@SOURCE][=WEIGHT]",
            help="a measurement, its source where there are several, and its weight",
        )
        parser.add_argument("--method", choices=METHODS, default="log_sigmoid")
        parser.add_argument("--name", default="combined", help="what to call the result")
        parser.add_argument("--quantile", type=float, default=0.5, help="of the reference")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = combine_rewards(
                project_named(options["project"]),
                [_part(written) for written in options["parts"]],
                name=options["name"],
                method=options["method"],
                quantile=options["quantile"],
            )
        except NotPossible as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(
            f"{made}: {made.candidates:,} candidates combined, {made.left_out:,} left out because "
            "a part was missing."
        )


def _part(written: str) -> Part:
    told, equals, weight = written.rpartition("=")
    name, _, source = (told if equals else written).partition("@")
    try:
        return Part(name, source, float(weight) if equals else 1.0)
    except ValueError as error:
        raise CommandError(
            f"Write a part as NAME=WEIGHT with a number, not {written!r}."
        ) from error
