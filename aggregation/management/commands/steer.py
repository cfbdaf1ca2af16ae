"""`./polyphony steer PROJECT on|off|now|log`: let the order of questions follow what was learnt."""

import csv
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from aggregation.diagnostics.next_pair import RULES
from aggregation.enqueue import NotPossible
from aggregation.models import PriorityChange, PriorityRound
from aggregation.steering import request_round, switch_steering
from annotation.management.by_slug import project_named
from annotation.models import Project
from annotation.spreadsheets import harmless
from annotation.waiting import WorkNotDone, wait_until_done


class Command(BaseCommand):
    help = "Let the order of a project's questions follow what was learnt, or stop that."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's slug")
        parser.add_argument("act", choices=("on", "off", "now", "log"))
        parser.add_argument("--rule", choices=sorted(RULES), default="information_gain")
        parser.add_argument("--floor", type=float, default=0.1)
        parser.add_argument("--every", type=int, default=100, metavar="JUDGMENTS")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--wait", type=float, metavar="SECONDS", help="wait this long")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        if options["act"] == "log":
            self._log(project)
            return
        try:
            if options["act"] == "now":
                request_round(project)
            else:
                names = ("rule", "floor", "every", "seed")
                chosen = {name: options[name] for name in names}
                switch_steering(project, is_on=options["act"] == "on", **chosen)
            self.stdout.write(self._sentence(project, options["wait"]))
        except (NotPossible, WorkNotDone) as refusal:
            raise CommandError(str(refusal)) from refusal

    def _sentence(self, project: Project, patience: float | None) -> str:
        round_ = PriorityRound.objects.filter(project=project).first()
        if round_ is None:
            return "Nothing was steered, so nothing has to go back."
        if patience is None:
            return f"Round {round_.public_id} waits for a worker."
        done = wait_until_done(round_, timeout=patience)
        drawn = done.changes.filter(place__isnull=False).count()
        return (
            f"{drawn} questions drawn, {done.changes.count() - drawn} back at their own priority."
        )

    def _log(self, project: Project) -> None:
        writer = csv.writer(self.stdout, lineterminator="\n")
        writer.writerow(("round", "question", "place", "propensity", "value", "base", "priority"))
        rows = PriorityChange.objects.filter(round__project=project).order_by("id")
        for row in rows.values_list(
            "round__public_id", "question__external_id", "place", "propensity", "value", "base",
            "priority",
        ).iterator():  # fmt: skip
            writer.writerow(map(harmless, row))
