"""`./polyphony offer_models PROJECT`: register the real models of this machine, or say so if none.

The demo calls it, so that a person who has weights sees a real model at work, and one who hasn't
is told that every answer comes from a script.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from annotation.management.by_slug import project_named
from models_runtime.catalogue import ENGINES
from models_runtime.checkpoints import register
from models_runtime.enqueue import request_probe
from models_runtime.errors import InvalidCheckpoint
from models_runtime.local_weights import VARIABLE, LocalModel, models_here
from models_runtime.models import Checkpoint

SCRIPTED = "scripted"
DOES = {
    "causal": "writes and judges",
    "reward": "scores",
    "encoder": "embeds; it writes no texts",
}


class Command(BaseCommand):
    help = "Register a scripted model and the real models of this machine in a project."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's slug")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        known = Checkpoint.objects.filter(project=project)
        if not known.filter(engine="scripted").exists():
            register(project=project, name=SCRIPTED, engine="scripted", model=SCRIPTED)
        because = ENGINES["transformers_local"].unavailable_because()
        real = [] if because else models_here()
        for each in real:
            if not known.filter(engine="transformers_local", model=each.model).exists():
                self._offer(project, each)
        self.stdout.write(_sentence(real, because))

    def _offer(self, project: Any, found: LocalModel) -> None:
        try:
            made = register(
                project=project,
                name=found.name,
                engine="transformers_local",
                model=found.model,
                revision=found.revision,
                licence=found.licence,
                options={"kind": found.kind},
            )
        except InvalidCheckpoint as refusal:
            self.stderr.write(f"{found.name} is here but can't be used: {refusal}")
        else:
            request_probe(made)


def _sentence(real: list[LocalModel], because: str | None) -> str:
    if real:
        told = "; ".join(
            f"{each.name} ({DOES[each.kind]}, {each.bytes / 2**20:,.0f} MB)" for each in real
        )
        writes = any(each.kind == "causal" for each in real)
        rest = "" if writes else " Texts and verdicts still come from the scripted engine."
        return f"Real models on this machine: {told}.{rest}"
    why = f" ({because})" if because else ""
    return (
        f"No real model is on this machine{why}: texts and verdicts come from the scripted engine, "
        f"which invents them by rule. Name a folder with a model in {VARIABLE}, or download one "
        "with the hub's own tools, and start again."
    )
