"""`./polyphony import FILE... --project SLUG`: prompts, pairs, judgments and more from files."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from annotation.catalogue import JUDGMENT_TYPES
from annotation.errors import AnnotationError
from annotation.intake.catalogue import KINDS
from annotation.intake.importing import run_import
from annotation.intake.previewing import Preview, preview
from annotation.intake.refusals import ImportRefused
from annotation.intake.reports import ImportReport, Progress
from annotation.models import Membership, Project, Role, User

SHOWN = 20
EXAMPLES = """
examples:
  ./polyphony import --project llmfao --create --kind pairs pairs.csv.gz --ignore slug,type
  ./polyphony import --project llmfao --kind judgments judgments.csv.gz
  ./polyphony import --project mine --kind judgments hh.jsonl.gz \\
      --map response_a=chosen --map response_b=rejected --map winner==a --map annotator==hh
"""


class Command(BaseCommand):
    help = (
        "Import JSONL, CSV, TSV or Parquet files (gzipped or not) into a project: "
        f"{', '.join(KINDS)}. All of a file or nothing of it."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(prog_name, subcommand, epilog=EXAMPLES, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("files", nargs="+", type=Path, metavar="FILE")
        add("--project", required=True, metavar="SLUG", help="the project to import into")
        add("--create", action="store_true", help="make the project if it isn't there")
        add("--name", help="with --create: the project's name")
        add("--owner", metavar="USERNAME", help="with --create: the account that owns it")
        add("--judgment-type", choices=sorted(JUDGMENT_TYPES), help="with --create")
        add("--overlap", type=int, help="with --create: judgments a question asks for")
        add("--kind", choices=sorted(KINDS), help="what a row is (default: guessed from columns)")
        add(
            "--map",
            action="append",
            default=[],
            metavar="FIELD=COLUMN",
            help="which column a field comes from; a pattern of columns (question_id={doc}/"
            "{system}) or a constant after a second equals sign (annotator_kind==person) will do",
        )
        add(
            "--ignore",
            action="append",
            default=[],
            metavar="COLUMN,…",
            help="columns to leave out; * leaves out all that no field takes",
        )
        add("--processes", type=int, help="how many render texts (default: one per processor)")
        add("--dry-run", action="store_true", help="check everything, write nothing")
        add("--preview", action="store_true", help="only show what the first rows would become")
        add("--yes", action="store_true", help="don't ask before writing")
        add(
            "--allow-similar-ids",
            action="store_true",
            help="take ids that differ only by capitals or spaces as different",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        out = cast("IO[str]", self.stdout._out)
        console = Console(file=out, no_color=options["no_color"], highlight=False)
        try:
            self._import_all(console, options)
        except ImportRefused as refused:
            _show_flaws(console, refused.report)
            raise CommandError(str(refused)) from refused
        except AnnotationError as error:
            raise CommandError(str(error)) from error

    def _import_all(self, console: Console, options: dict[str, Any]) -> None:
        mapping = _mapping(options["map"])
        ignore = [name for names in options["ignore"] for name in names.split(",") if name]
        for file in options["files"]:
            seen = preview(file, options["kind"], mapping, ignore=ignore)
            _show_preview(console, seen)
            if seen.problems:
                raise CommandError("\n".join(seen.problems))
            if not options["preview"] and _go_on(options):
                report = _import_one(console, options, seen, file, ignore)
                for line in (str(report), *report.notes):
                    console.print(Text(line), soft_wrap=True)


def _import_one(
    console: Console, options: dict[str, Any], seen: Preview, file: Path, ignore: list[str]
) -> ImportReport:
    with _project(options) as project, _bars(console) as tell:
        return run_import(
            project,
            file,
            seen.kind,
            seen.mapping,
            ignore=ignore,
            progress=tell,
            dry_run=options["dry_run"],
            allow_similar_ids=options["allow_similar_ids"],
            processes=options["processes"],
        )


def _mapping(given: list[str]) -> dict[str, str]:
    mapping = {}
    for entry in given:
        field, equals, source = entry.partition("=")
        if not equals or not field or not source:
            raise CommandError(f"--map takes FIELD=COLUMN, not “{entry}”.")
        mapping[field] = source
    return mapping


@contextmanager
def _project(options: dict[str, Any]) -> Iterator[Project]:
    """The project; one made for this import is gone again if the import comes to nothing."""
    slug = options["project"]
    project = Project.objects.filter(slug=slug).first()
    if project is not None:
        yield project
        return
    if not options["create"]:
        known = ", ".join(Project.objects.order_by("slug").values_list("slug", flat=True)[:20])
        raise CommandError(
            f"There is no project “{slug}” (there are: {known or 'none'}). Add --create to make it."
        )
    project = _create(slug, options)
    try:
        yield project
    except BaseException:
        project.delete()
        raise
    if options["dry_run"]:
        project.delete()


def _create(slug: str, options: dict[str, Any]) -> Project:
    fields = {
        name: options[name] for name in ("judgment_type", "overlap") if options[name] is not None
    }
    if options["overlap"] is not None and options["overlap"] < 1:
        raise CommandError("--overlap is at least 1.")
    owner = None
    if options["owner"]:
        owner = User.objects.filter(username=options["owner"]).first()
        if owner is None:
            raise CommandError(f"There is no account “{options['owner']}”.")
    project = Project(slug=slug, name=options["name"] or slug, **fields)
    try:
        project.full_clean()
    except ValidationError as error:
        raise CommandError(f"The project can't be made: {' '.join(error.messages)}") from error
    project.save()
    if owner is not None:
        Membership.objects.create(user=owner, project=project, role=Role.OWNER)
    return project


def _go_on(options: dict[str, Any]) -> bool:
    """Whether to write: asked only where a person sits, unless they have said yes."""
    if options["yes"] or options["dry_run"] or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return True
    return input("Import this? [Y/n] ").strip().lower() in {"", "y", "yes"}


def _show_preview(console: Console, seen: Preview) -> None:
    console.print(Text(f"{seen.name}: {seen.format}, as {seen.kind}", style="bold"))
    fields = Table("field", "comes from", box=None, pad_edge=False)
    for field, source in seen.mapping.items():
        constant = source.startswith("=") and source not in seen.columns
        fields.add_row(Text(field), Text(f"always “{source[1:]}”" if constant else source))
    console.print(fields)
    for row in seen.rows[:2]:
        console.print(Text(f"line {row.line} becomes" if row.becomes else f"line {row.line}:"))
        for told in row.becomes:
            console.print(Text(f"  {told}", style="dim"), soft_wrap=True)
        if row.problem:
            console.print(Text(f"  {row.problem}", style="red"), soft_wrap=True)


def _show_flaws(console: Console, report: ImportReport) -> None:
    for flaw in report.flaws[:SHOWN]:
        console.print(Text(f"  {flaw}", style="red"), soft_wrap=True)
    if report.bad_rows > SHOWN or len(report.flaws) > SHOWN:
        console.print(Text("  …"))
    console.print(Text(f"All of them with their reasons: {report.flaws_file}"), soft_wrap=True)


@contextmanager
def _bars(console: Console) -> Iterator[Any]:
    """A bar per stage with rate and time left; nothing where nobody watches."""
    columns = (
        TextColumn("{task.description:<9}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[told]}"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console, disable=not console.is_terminal) as bars:
        stages: dict[str, Any] = {}

        def tell(progress: Progress) -> None:
            if progress.stage not in stages:
                stages[progress.stage] = bars.add_task(progress.stage, total=None, told="")
            bars.update(
                stages[progress.stage],
                completed=progress.done,
                total=progress.total,
                told=_told(progress, bars.tasks[stages[progress.stage]].elapsed or 0.0),
            )

        yield tell


def _told(progress: Progress, elapsed: float) -> str:
    if progress.stage == "checking":
        return ""
    done = progress.rows if progress.stage == "reading" else progress.done
    what = "texts" if progress.stage == "rendering" else "rows"
    rate = f", {done / elapsed:,.0f}/s" if elapsed > 0.2 else ""
    return f"{done:,} {what}{rate}"
