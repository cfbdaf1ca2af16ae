"""`./polyphony generate_candidates PROJECT CHECKPOINT`: have a model answer a project's prompts."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation.management.by_slug import project_named
from annotation.models import Project
from annotation.waiting import WorkNotDone, wait_until_done
from models_runtime.checkpoints import checkpoint_named
from models_runtime.enqueue import request_generation
from models_runtime.errors import NotPossible
from models_runtime.forms import DECODERS, DIFFERING, GenerationForm
from models_runtime.generation_estimates import estimate_of
from models_runtime.management.options import by_name, option
from models_runtime.management.telling import refusals_of, takes_words
from models_runtime.models import Checkpoint, GenerationJob

DRAWN = {"max_tokens": int, "temperature": float, "top_p": float, "top_k": int, "min_p": float}


class Command(BaseCommand):
    help = "Have a checkpoint write candidates for a project's prompts, in the background."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's slug")
        parser.add_argument("checkpoint", help="the checkpoint's name")
        parser.add_argument("--per-prompt", type=int, default=1, metavar="N")
        for name, kind in DRAWN.items():
            parser.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar="X")
        parser.add_argument(
            "--stop",
            action="append",
            default=[],
            metavar="TEXT",
            help="ends an answer; may be repeated",
        )
        parser.add_argument("--decoder", choices=_named(DECODERS), default="")
        _add_settings(parser, "--decoder-setting", "of the decoder, such as most=8")
        parser.add_argument(
            "--differing",
            choices=_named(DIFFERING),
            default="",
            help="what happens to candidates that are too alike",
        )
        _add_settings(parser, "--differing-setting", "such as tries=3 or axis=stance")
        parser.add_argument("--embedder", help="the checkpoint that says how alike candidates are")
        parser.add_argument("--languages", default="", help="codes, such as en,de,zh-hans")
        parser.add_argument("--seed", type=int, help="drawn at random if not given")
        parser.add_argument("--max-cost", type=float)
        parser.add_argument("--estimate", action="store_true", help="what it would take; no start")
        parser.add_argument(
            "--wait", type=float, metavar="SECONDS", help="wait for the candidates this long"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        try:
            checkpoint = checkpoint_named(project, options["checkpoint"])
            asked = _asked(project, checkpoint, options)
            if options["estimate"]:
                self.stdout.write(takes_words(estimate_of(project, asked)))
                return
            job = request_generation(project, **asked)
            if options["wait"] is None:
                self.stdout.write(f"Job {job.public_id} waits for a worker.")
                return
            self.stdout.write(_sentence(wait_until_done(job, timeout=options["wait"])))
        except (NotPossible, WorkNotDone) as refusal:
            raise CommandError(str(refusal)) from refusal


def _named(choices: Any) -> list[str]:
    return [slug for slug, _words in choices if slug]


def _add_settings(parser: ArgumentParser, flag: str, words: str) -> None:
    parser.add_argument(flag, action="append", default=[], metavar="NAME=VALUE", help=words)


def _asked(project: Project, checkpoint: Checkpoint, options: dict[str, Any]) -> dict[str, Any]:
    """What the page's form makes of the options: pages, API and commands check alike."""
    embedder = options["embedder"]
    given = {
        "checkpoint": str(checkpoint.public_id),
        "per_prompt": options["per_prompt"],
        "max_tokens": 512,
        "temperature": 1.0,
        **{name: options[name] for name in DRAWN if options[name] is not None},
        "stop": "\n".join(options["stop"]),
        "decoder": options["decoder"],
        "decoder_settings": _settings(options["decoder_setting"]),
        "differing": options["differing"],
        "differing_settings": _settings(options["differing_setting"]),
        "embedder": str(checkpoint_named(project, embedder).public_id) if embedder else "",
        "languages": options["languages"],
    }
    form = GenerationForm(
        given | by_name(options, "seed", "max_cost"),
        project=project,
    )
    if not form.is_valid():
        raise NotPossible(refusals_of(form))
    return form.request_fields()


def _settings(written: list[str]) -> str:
    return json.dumps(dict(map(option, written))) if written else ""


def _sentence(job: GenerationJob) -> str:
    made = f"{job.generations.count():,} candidates by {job.checkpoint.label}"
    return f"{made}. {job.notice}" if job.notice else made
