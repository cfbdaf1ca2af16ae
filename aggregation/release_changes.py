"""What changed from one release to another, and why. Pure but for reading the two folders."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from aggregation.catalogue import EXPORTS
from aggregation.dataset_files import canonical
from aggregation.verification import MANIFEST

__all__ = ["Changes", "ExportChanges", "changes_between"]

NAMED = 10  # examples


@dataclass(frozen=True)
class ExportChanges:
    """Rows of one export, told apart by what they are about; `examples` names some changed ones."""

    slug: str
    before: int
    after: int
    added: int
    removed: int
    changed: int
    examples: tuple[str, ...]

    @property
    def unchanged(self) -> int:
        return self.before - self.removed - self.changed


@dataclass(frozen=True)
class Changes:
    """From release `before` to release `after`. `reasons` are sentences; empty if nothing differs.

    `exports` is None where the rows were not compared.
    """

    before: int
    after: int
    reasons: tuple[str, ...]
    exports: tuple[ExportChanges, ...] | None


def changes_between(before: Path, after: Path, *, rows: bool = True) -> Changes:
    """Compare two release folders. Raises OSError or ValueError if one can't be read.

    Memory is about a hundred bytes per row; `rows=False` compares the manifests only.
    """
    old, new = (orjson.loads((folder / MANIFEST).read_bytes()) for folder in (before, after))
    compared = tuple(_exports(before, after, old, new)) if rows else None
    return Changes(old["version"], new["version"], tuple(_reasons(old, new)), compared)


def _reasons(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    if old["project"]["id"] != new["project"]["id"]:
        yield "These are releases of two different projects."
    yield from _log(old, new)
    for name in old["curation"]:
        was, now = old["curation"][name], new["curation"].get(name)
        if name != "sentences" and was != now:
            said = name.replace("_", " ")
            yield f"The policy changed: {said} was {_said(was)}, now {_said(now)}."
    yield from _run(old["run"], new["run"])
    was, now = ((m.get("rule_choice") or {}).get("title", "none") for m in (old, new))
    if was != now:
        yield f"The recorded choice of a rule was {_said(was)}, now {_said(now)}."
    if old["code_version"] != new["code_version"]:
        yield f"The code changed: {old['code_version']}, then {new['code_version']}."
    if old["signer"] != new["signer"]:
        yield f"Another key signed: {old['signer'][:16]}…, then {new['signer'][:16]}…."


def _log(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    was, now = old["snapshot"], new["snapshot"]
    if was["mark"] != now["mark"]:
        gained = now["counts"]["judgments"] - was["counts"]["judgments"]
        yield (
            f"The log went on from position {was['mark']:,} to {now['mark']:,}: "
            f"{_judgments(gained)} {'counts' if abs(gained) == 1 else 'count'}."
        )
    elif was["digest"] != now["digest"]:
        yield "The log says something else at the same position: it was altered."
    for name, what in (
        ("superseded", "replaced by a later one of its author"),
        ("parked", "parked, which means kept but not counted"),
    ):
        more = now["counts"][name] - was["counts"][name]
        if more:
            yield f"{_judgments(more)} {'was' if abs(more) == 1 else 'were'} {what}."


def _judgments(gained: int) -> str:
    noun = "judgment" if abs(gained) == 1 else "judgments"
    return f"{abs(gained):,} {'more' if gained >= 0 else 'fewer'} {noun}"


def _run(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[str]:
    if (old is None) != (new is None):
        yield "Scores are no longer beside it." if new is None else "Scores came along."
    elif old is not None and new is not None:
        for name in ("method", "options", "seed", "items"):
            if old[name] != new[name]:
                yield f"The scores' {name} was {_said(old[name])}, now {_said(new[name])}."


def _exports(
    before: Path, after: Path, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[ExportChanges]:
    slugs = {export["slug"] for manifest in (old, new) for export in manifest["exports"]}
    for slug in sorted(slugs):
        was = dict(_rows(before / f"{slug}.jsonl", slug))
        added, changed, count = 0, [], 0
        for key, digest in _rows(after / f"{slug}.jsonl", slug):
            count += 1
            known = was.pop(key, None)
            if known is None:
                added += 1
            elif known != digest:
                changed.append(key)
        before_count = count - added + len(was)
        yield ExportChanges(
            slug, before_count, count, added, len(was), len(changed), tuple(changed[:NAMED])
        )


def _rows(path: Path, slug: str) -> Iterator[tuple[str, bytes]]:
    """What each row is about, and a digest of it. No file, no rows."""
    if not path.exists():
        return
    export = EXPORTS.get(slug)
    with path.open("rb") as file:
        for line in file:
            digest = hashlib.blake2b(line, digest_size=16).digest()
            yield (export.about(orjson.loads(line)) if export else digest.hex()), digest


def _said(value: Any) -> str:
    if isinstance(value, str):
        return f"“{value}”" if value else "nothing"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return canonical(value).decode()
