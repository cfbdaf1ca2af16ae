"""The manifest of a release: what it holds, by which rule, from which log, and what it lacks."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC
from pathlib import Path
from typing import Any

import pyarrow as pa

from aggregation.catalogue import EXPORTS
from aggregation.data_card import data_card
from aggregation.dataset_files import WrittenFile, WrittenRows, canonical, write_whole
from aggregation.exports import Export
from aggregation.models import Release, Run
from aggregation.rule_choices import standing_choice
from aggregation.snapshot import JUDGMENTS, FrozenLog
from aggregation.verification import PUBLIC_KEY, SCHEMA
from aggregation.versions import code_version


def manifest_of(
    release: Release, log: FrozenLog, written: Mapping[str, WrittenRows], *, signer: str
) -> dict[str, Any]:
    """Everything a release says about itself, but for the list of files."""
    project, census = release.project, log.census
    kinds = set(log.curation.kinds)
    return {
        "schema": SCHEMA,
        "project": {
            "id": str(project.public_id),
            "slug": project.slug,
            "name": project.name,
            "description": project.description,
            "judgment_type": project.judgment_type,
        },
        "version": release.version,
        "created_at": release.created_at.astimezone(UTC).isoformat(timespec="seconds"),
        "simulated": project.is_simulated or "simulated" in kinds,
        "licence": release.licence,
        "notes": release.notes,
        "code_version": code_version(),
        "writers": {"pyarrow": pa.__version__},
        "signer": signer,
        "snapshot": {
            "mark": release.mark,
            "digest": census.digest,
            "counts": census.counts,
        },
        "included": census.included,
        "skips": release.skips,
        "left_out": [entry.to_plain() for entry in log.ledger.entries(JUDGMENTS)],
        "withheld_combinations": census.withheld_combinations,
        "curation": {**log.curation.to_plain(), "sentences": log.curation.sentences()},
        "run": None if release.run is None else _run(release.run),
        "rule_choice": _rule_choice(release),
        "exports": [
            {
                **_described(EXPORTS[slug]),
                "rows": rows.rows,
                "content_root": rows.content_root,
                "left_out": [entry.to_plain() for entry in log.ledger.entries(slug)],
            }
            for slug, rows in sorted(written.items())
        ],
    }


def _described(export: Export) -> dict[str, Any]:
    return {
        "slug": export.slug,
        "title": export.title,
        "description": export.description,
        "loading": export.loading,
        "fields": [asdict(field) for field in export.fields],
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "id": str(run.public_id),
        "method": run.method,
        "options": run.options,
        "seed": run.seed,
        "mark": run.mark,
        "kinds": sorted(run.kinds),
        "items": run.items,
        "input_digest": run.input_digest,
        "result_digest": run.result_digest,
        "code_version": run.code_version,
        "judgments": run.judgments,
        "annotators": run.annotators,
        "left_out": run.exclusions,
    }


def _rule_choice(release: Release) -> dict[str, Any] | None:
    """Which rule was chosen after reading a report, by whom and why; None where nobody chose."""
    chosen = standing_choice(release.project, release.rule_choices)
    if chosen is None:
        return None
    return {
        "rule": chosen.rule,
        "title": chosen.title,
        "picks": chosen.picks,
        "reason": chosen.reason,
        "by": str(chosen.decided_by),
        "at": chosen.created_at.astimezone(UTC).isoformat(timespec="seconds"),
        "report": str(chosen.report.public_id),
        "report_digest": chosen.report.content_digest,
        "report_mark": chosen.report.mark,
    }


def write_companions(
    release: Release, folder: Path, manifest: Mapping[str, Any], pem: bytes
) -> list[WrittenFile]:
    """Write the data card, the public key and, with a run, its scores."""
    files = [
        write_whole(folder / "README.md", data_card(manifest).encode()),
        write_whole(folder / PUBLIC_KEY, pem),
    ]
    if release.run is not None:
        files.append(write_whole(folder / "scores.json", canonical(_scores(release.run)) + b"\n"))
    return files


def _scores(run: Run) -> dict[str, Any]:
    columns = ("item", "score", "se", "lo", "hi", "rank", "rank_lo", "rank_hi", "judgments")
    result = run.aggregate()
    return {
        "method": run.method,
        "score_kind": result.score_kind,
        "level": result.level,
        "ci_method": result.ci_method,
        "warnings": [{"code": w.code, "sentence": w.sentence} for w in result.warnings],
        "scores": list(run.scores.order_by("position").values(*columns)),
    }


def file_entries(
    written: Mapping[str, WrittenRows], companions: Iterable[WrittenFile]
) -> list[dict[str, Any]]:
    """The manifest's list of files, by name."""
    data = [
        {**asdict(file), "export": slug, "rows": rows.rows}
        for slug, rows in written.items()
        for file in rows.files
    ]
    beside = [asdict(file) for file in companions]
    return sorted(data + beside, key=lambda entry: str(entry["name"]))
