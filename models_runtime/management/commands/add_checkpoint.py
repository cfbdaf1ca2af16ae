"""`./polyphony add_checkpoint PROJECT NAME`: register a model that a project may use."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation.management.by_slug import project_named
from models_runtime.catalogue import ENGINES
from models_runtime.checkpoints import register
from models_runtime.enqueue import request_probe
from models_runtime.errors import InvalidCheckpoint
from models_runtime.management.options import option


class Command(BaseCommand):
    help = "Register a model for a project: which one, through which engine, from where."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's slug")
        parser.add_argument("name", help="what to call the checkpoint")
        parser.add_argument("--engine", required=True, help=f"one of {', '.join(ENGINES)}")
        parser.add_argument("--model", help="the model's own name; the checkpoint's by default")
        parser.add_argument("--base-url", default="", help="the model server's address")
        parser.add_argument("--revision", default="")
        parser.add_argument("--licence", default="")
        parser.add_argument(
            "--secret-variable", default="", help="the environment variable that holds the key"
        )
        parser.add_argument(
            "--option",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="an option of the engine, its value in JSON or plain text; may be repeated",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            checkpoint = register(
                project=project_named(options["project"]),
                name=options["name"],
                engine=options["engine"],
                model=options["model"] or options["name"],
                base_url=options["base_url"],
                revision=options["revision"],
                licence=options["licence"],
                options=dict(map(option, options["option"])),
                secret_variable=options["secret_variable"],
            )
        except InvalidCheckpoint as refusal:
            raise CommandError(str(refusal)) from refusal
        request_probe(checkpoint)
        self.stdout.write(f"Checkpoint {checkpoint.label} ({checkpoint.engine}) is registered.")
