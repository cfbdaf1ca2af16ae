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
from annotation.phrases import say

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
        yield say("These are releases of two different projects.")
    yield from _log(old, new)
    for name in old["curation"]:
        was, now = old["curation"][name], new["curation"].get(name)
        if name != "sentences" and was != now:
            said = name.replace("_", " ")
            yield say(
                "The policy changed: %(said)s was %(said_2)s, now %(said_3)s.",
                said=said,
                said_2=_said(was),
                said_3=_said(now),
            )
    yield from _run(old["run"], new["run"])
    was, now = ((m.get("rule_choice") or {}).get("title", "none") for m in (old, new))
    if was != now:
        yield say(
            "The recorded choice of a rule was %(said)s, now %(said_2)s.",
            said=_said(was),
            said_2=_said(now),
        )
    if old["code_version"] != new["code_version"]:
        yield say(
            "The code changed: %(code_version)s, then %(code_version_2)s.",
            code_version=old["code_version"],
            code_version_2=new["code_version"],
        )
    if old["signer"] != new["signer"]:
        yield say(
            "Another key signed: %(value)s…, then %(value_2)s….",
            value=old["signer"][:16],
            value_2=new["signer"][:16],
        )


def _log(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    was, now = old["snapshot"], new["snapshot"]
    if was["mark"] != now["mark"]:
        gained = now["counts"]["judgments"] - was["counts"]["judgments"]
        yield say(
            "The log went on from position %(before)s to %(now)s: %(gained)s.",
            before=f"{was['mark']:,}",
            now=f"{now['mark']:,}",
            gained=_counting(gained),
        )
    elif was["digest"] != now["digest"]:
        yield say("The log says something else at the same position: it was altered.")
    for name, changed in (("superseded", _replaced), ("parked", _parked)):
        more = now["counts"][name] - was["counts"][name]
        if more:
            yield changed(f"{abs(more):,}", more)


def _counting(gained: int) -> str:
    n = f"{abs(gained):,}"
    if abs(gained) == 1:
        return (
            say("%(n)s more judgment counts", n=n)
            if gained > 0
            else say("%(n)s fewer judgment counts", n=n)
        )
    if gained < 0:
        return say("%(n)s fewer judgments count", n=n)
    return say("%(n)s more judgments count", n=n)


def _replaced(n: str, more: int) -> str:
    if more == 1:
        return say("%(n)s more judgment was replaced by a later one of its author.", n=n)
    if more == -1:
        return say("%(n)s fewer judgment was replaced by a later one of its author.", n=n)
    if more < 0:
        return say("%(n)s fewer judgments were replaced by a later one of its author.", n=n)
    return say("%(n)s more judgments were replaced by a later one of its author.", n=n)


def _parked(n: str, more: int) -> str:
    if more == 1:
        return say("%(n)s more judgment was parked, which means kept but not counted.", n=n)
    if more == -1:
        return say("%(n)s fewer judgment was parked, which means kept but not counted.", n=n)
    if more < 0:
        return say("%(n)s fewer judgments were parked, which means kept but not counted.", n=n)
    return say("%(n)s more judgments were parked, which means kept but not counted.", n=n)


def _run(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[str]:
    if (old is None) != (new is None):
        yield say("Scores are no longer beside it.") if new is None else say("Scores came along.")
    elif old is not None and new is not None:
        for name in ("method", "options", "seed", "items"):
            if old[name] != new[name]:
                yield say(
                    "The scores' %(name)s was %(said)s, now %(said_2)s.",
                    name=name,
                    said=_said(old[name]),
                    said_2=_said(new[name]),
                )


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
