"""Importing: a file or rows into a project, all of it or nothing."""

import csv
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from annotation.intake.catalogue import kind_named, reader_of
from annotation.intake.kinds import Kind
from annotation.intake.landing import (
    Ground,
    annotators,
    candidates,
    contents,
    criteria,
    judgments,
    prompts,
    questions,
)
from annotation.intake.limits import Limits
from annotation.intake.mapping import Plan, Reading, plan
from annotation.intake.readers import Row
from annotation.intake.refusals import BadCell, Flaw, ImportBusy, ImportRefused, UnreadableFile
from annotation.intake.reports import ImportReport, Progress, Tell
from annotation.intake.sources import open_source
from annotation.intake.staging import Staging
from annotation.models import Project
from annotation.phrases import say
from annotation.spreadsheets import harmless

LOCK_SPACE = 7_402  # first key of the advisory lock; the second is the project's id
SHOWN_FLAWS = 50
TOLD_EVERY = 2_000  # rows
NOUNS = (prompts, candidates, criteria, questions, annotators, judgments)

Rows = Iterable[Row | Flaw]


class _DryRun(Exception):
    """Ends a transaction that was only a rehearsal."""


def run_import(
    project: Project,
    path: Path | str,
    kind: str,
    mapping: Mapping[str, str] | None = None,
    *,
    ignore: Collection[str] = (),
    progress: Tell | None = None,
    dry_run: bool = False,
    allow_similar_ids: bool = False,
    filename: str | None = None,
    limits: Limits | None = None,
    processes: int | None = None,
) -> ImportReport:
    """Import a JSONL, CSV, TSV or Parquet file (gzipped or not) in one transaction.

    `mapping` gives fields their columns and is completed by a guess from the columns' names;
    `ignore` lists columns to leave out ("*": all that aren't mapped). `processes` is how many
    render Markdown (default: one per processor; 1 renders in this process, as a worker that may
    not start processes needs). Raises UnreadableFile, BadMapping, ImportBusy and ImportRefused;
    then nothing was written. See `annotation.intake` for the whole contract.
    """
    chosen = kind_named(kind)
    source = open_source(Path(path), name=filename, limits=limits)
    with reader_of(source).open(source) as sheet:
        worked_out = plan(chosen, sheet.columns, mapping, ignore).checked()
        run = _Run(
            project,
            chosen,
            worked_out,
            source.name,
            progress or _silent,
            dry_run=dry_run,
            allow_similar_ids=allow_similar_ids,
            processes=processes or os.cpu_count() or 1,
        )
        return run(sheet.rows, lambda: (sheet.position(), source.packed))


def import_rows(
    project: Project,
    kind: str,
    rows: Iterable[Mapping[str, Any]],
    *,
    progress: Tell | None = None,
    dry_run: bool = False,
    allow_similar_ids: bool = False,
    processes: int = 1,
    name: str = "rows",
) -> ImportReport:
    """Import rows whose keys are the kind's own field names; lines count from 1.

    Raises as `run_import` does; an unknown key is a flaw of its row.
    """
    chosen = kind_named(kind)
    fields = tuple(field.name for field in chosen.fields)
    worked_out = plan(chosen, fields).checked()
    run = _Run(
        project,
        chosen,
        worked_out,
        name,
        progress or _silent,
        dry_run=dry_run,
        allow_similar_ids=allow_similar_ids,
        processes=processes,
    )
    numbered = (Row(line, dict(cells)) for line, cells in enumerate(rows, 1))
    return run(numbered, lambda: (0, 0))


def _silent(progress: Progress) -> None:
    """Tells nobody."""


class _Run:
    """One import: stage, check, write, report."""

    def __init__(
        self,
        project: Project,
        kind: Kind,
        worked_out: Plan,
        name: str,
        tell: Tell,
        *,
        dry_run: bool,
        allow_similar_ids: bool,
        processes: int,
    ) -> None:
        self.project = project
        self.kind = kind
        self.plan = worked_out
        self.name = name
        self.tell = tell
        self.dry_run = dry_run
        self.allow_similar_ids = allow_similar_ids
        self.processes = processes
        self.rows = 0

    def __call__(self, rows: Rows, position: Callable[[], tuple[int, int]]) -> ImportReport:
        began = time.monotonic()
        report: ImportReport | None = None
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                ground = Ground(cursor, self.project, self.allow_similar_ids)
                _reserve(ground)
                self._stage(ground, rows, position)
                self._land(ground)
                report = replace(self._report(ground), seconds=time.monotonic() - began)
                if report.bad_rows:
                    raise ImportRefused(report)
                if self.dry_run:
                    raise _DryRun
        except _DryRun:
            pass
        assert report is not None
        return report

    def _reading(self) -> Reading:
        if self.plan.columns == tuple(field.name for field in self.kind.fields):
            fields = ", ".join(self.plan.columns)
            return Reading(self.plan, newcomer=f"is no field. The fields are: {fields}")
        return Reading(self.plan)

    def _stage(self, ground: Ground, rows: Rows, position: Callable[[], tuple[int, int]]) -> None:
        staging = Staging(ground.cursor)
        staging.create()
        reading = self._reading()
        for row in rows:
            self.rows += 1
            if isinstance(row, Flaw):
                staging.add_flaw(row)
            else:
                self._stage_row(staging, reading, row)
            if self.rows % TOLD_EVERY == 0:
                self.tell(Progress("reading", *position(), self.rows))
        if not self.rows:
            raise UnreadableFile(say("“%(self_name)s” has no rows.", self_name=self.name))
        staging.close()
        self.tell(Progress("reading", *position(), self.rows))

    def _stage_row(self, staging: Staging, reading: Reading, row: Row) -> None:
        try:
            staging.add(self.kind.records(reading.values(row), row.line))
        except BadCell as error:
            staging.add_flaw(Flaw(row.line, error.field, error.reason))

    def _land(self, ground: Ground) -> None:
        ground.run("CREATE TEMP TABLE fresh (noun text, id bigint, name text) ON COMMIT DROP")
        for step, noun in enumerate(NOUNS, 1):
            noun.land(ground)
            self.tell(Progress("checking", step, len(NOUNS), self.rows))
        if not ground.is_empty("staged_flaw"):
            return
        if not self.dry_run:
            contents.render_fresh(ground, processes=self.processes, tell=self._teller("rendering"))
        ground.tell = self._teller("writing")
        judgments.append(ground)

    def _teller(self, stage: str) -> Callable[[int, int], None]:
        return lambda done, total: self.tell(Progress(stage, done, total, self.rows))

    def _report(self, ground: Ground) -> ImportReport:
        report = ImportReport(self.kind.slug, self.name, self.rows, dry_run=self.dry_run)
        bad_rows = ground.number("SELECT count(DISTINCT line) FROM staged_flaw")
        if not bad_rows:
            return replace(
                report,
                created=ground.created,
                unchanged=ground.unchanged,
                notes=tuple(ground.notes),
            )
        first, file = _write_flaws(ground, self._flaws(ground))
        return replace(report, bad_rows=bad_rows, flaws=first, flaws_file=file)

    def _flaws(self, ground: Ground) -> Iterator[Flaw]:
        """All flaws in file order, fields named as the file's columns."""
        ground.run(
            'DECLARE flaws NO SCROLL CURSOR FOR SELECT DISTINCT line, "column", reason '
            "FROM staged_flaw ORDER BY line, 2, 3"
        )
        while True:
            ground.run("FETCH 1000 FROM flaws")
            batch = ground.cursor.fetchall()
            for line, field, reason in batch:
                yield Flaw(line, self.plan.column_of(field), reason)
            if not batch:
                return


def _reserve(ground: Ground) -> None:
    """One import per project at a time, until the transaction ends. Raises ImportBusy."""
    ground.run("SET LOCAL work_mem = '64MB'")
    free = ground.number(
        "SELECT pg_try_advisory_xact_lock(%(space)s, %(project)s::integer)::integer",
        space=LOCK_SPACE,
    )
    if not free:
        raise ImportBusy


def _write_flaws(ground: Ground, flaws: Iterator[Flaw]) -> tuple[tuple[Flaw, ...], Path]:
    """Write every flaw to a CSV file that only its owner can read; returns the first ones too."""
    first: list[Flaw] = []
    moment = timezone.now().strftime("%Y%m%dT%H%M%SZ")
    file = Path(settings.IMPORTS_DIR) / f"{moment}-{ground.project.slug}-{uuid4().hex[:8]}.csv"
    with _private_file(file) as written:
        writer = csv.writer(written)
        writer.writerow(("line", "column", "reason"))
        for flaw in flaws:
            writer.writerow(map(harmless, (flaw.line, flaw.column, flaw.reason)))
            if len(first) < SHOWN_FLAWS:
                first.append(flaw)
    return tuple(first), file


@contextmanager
def _private_file(path: Path) -> Iterator[Any]:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        yield file
