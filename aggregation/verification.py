"""Verifying a release: its signature, hashes, counts and rows, from its folder alone. Pure but for
reading files, so that anybody can do it without the database that the release came from.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from aggregation.dataset_files import canonical, file_digest, parquet_rows
from aggregation.exports import Field
from aggregation.merkle import RowTree
from aggregation.signing import fingerprint, verifies
from annotation.phrases import say

__all__ = [
    "MANIFEST",
    "PUBLIC_KEY",
    "SCHEMA",
    "SIGNATURE",
    "CheckLine",
    "compare_folders",
    "passed",
    "verify",
]

MANIFEST = "manifest.json"
SIGNATURE = "manifest.json.sig"
PUBLIC_KEY = "signing-key.pem"
SCHEMA = "polyphony-release/1"


@dataclass(frozen=True)
class CheckLine:
    """One thing examined, and what was found, in a sentence."""

    name: str
    passed: bool
    sentence: str

    def to_plain(self) -> dict[str, Any]:
        return asdict(self)


def passed(lines: Sequence[CheckLine]) -> bool:
    return bool(lines) and all(line.passed for line in lines)


def verify(folder: Path, *, trusted: str | None = None) -> list[CheckLine]:
    """Examine the release in `folder`; every finding is a line, failed or passed.

    `trusted` is the fingerprint of the key that must have signed it; without it the signature only
    proves that nothing was changed since it was made. Nothing is raised for a damaged release.
    """
    return list(_lines(folder, trusted))


def compare_folders(published: Path, rebuilt: Path) -> list[CheckLine]:
    """Whether a release built again from the log has the same files, byte for byte."""
    lines = []
    for name in sorted(_names(published) | _names(rebuilt)):
        first, second = published / name, rebuilt / name
        if not first.exists() or not second.exists():
            where = say("published release") if first.exists() else say("rebuilt one")
            lines.append(
                CheckLine(
                    "rebuild",
                    False,
                    say("%(name)s exists only in the %(where)s.", name=name, where=where),
                )
            )
        elif file_digest(first) != file_digest(second):
            lines.append(
                CheckLine(
                    "rebuild",
                    False,
                    say("%(name)s differs when it is rebuilt from the log.", name=name),
                )
            )
    if not lines:
        count = len(_names(published))
        sentence = say(
            "Rebuilt from the log: all %(count)s files are identical, byte for byte.", count=count
        )
        lines.append(CheckLine("rebuild", True, sentence))
    return lines


def _lines(folder: Path, trusted: str | None) -> Iterator[CheckLine]:
    try:
        content = (folder / MANIFEST).read_bytes()
        manifest = orjson.loads(content)
    except (OSError, orjson.JSONDecodeError) as error:
        yield CheckLine(
            "manifest",
            False,
            say("%(manifest)s can't be read: %(error)s.", manifest=MANIFEST, error=error),
        )
        return
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        found = manifest.get("schema") if isinstance(manifest, dict) else None
        yield CheckLine(
            "manifest",
            False,
            say(
                "%(manifest)s is not of the form %(schema)s: %(found)s.",
                manifest=MANIFEST,
                schema=SCHEMA,
                found=f"{found!r}",
            ),
        )
        return
    yield CheckLine(
        "manifest",
        True,
        say(
            "%(manifest)s is readable and of the form %(schema)s.", manifest=MANIFEST, schema=SCHEMA
        ),
    )
    yield _signature(folder, content, trusted)
    try:
        yield from _files(folder, manifest)
        for export in manifest["exports"]:
            yield from _rows(folder, export)
    except (KeyError, TypeError) as error:
        yield CheckLine(
            "manifest",
            False,
            say(
                "%(manifest)s lacks an entry or misstates it: %(error)s.",
                manifest=MANIFEST,
                error=error,
            ),
        )


def _signature(folder: Path, content: bytes, trusted: str | None) -> CheckLine:
    try:
        signature = (folder / SIGNATURE).read_text(encoding="ascii")
        pem = (folder / PUBLIC_KEY).read_bytes()
        signer = fingerprint(pem)
    except (OSError, ValueError) as error:
        return CheckLine(
            "signature", False, say("The signature can't be examined: %(error)s.", error=error)
        )
    if not verifies(pem, signature, content):
        return CheckLine(
            "signature",
            False,
            say(
                "%(manifest)s was changed after it was signed: the signature doesn't fit "
                "its bytes.",
                manifest=MANIFEST,
            ),
        )
    if trusted is None:
        return CheckLine(
            "signature",
            True,
            say(
                "The manifest is as its signer left it. Compare the key's fingerprint "
                "with the one that the publisher shows: %(signer)s.",
                signer=signer,
            ),
        )
    if signer != trusted:
        return CheckLine(
            "signature",
            False,
            say(
                "The release was signed by another key (%(signer)s), not by %(trusted)s.",
                signer=signer,
                trusted=trusted,
            ),
        )
    return CheckLine(
        "signature",
        True,
        say("Signed by the trusted key %(signer)s; unchanged since.", signer=signer),
    )


def _files(folder: Path, manifest: dict[str, Any]) -> Iterator[CheckLine]:
    listed = {entry["name"]: entry for entry in manifest["files"]}
    wrong = []
    for name, entry in sorted(listed.items()):
        sentence = _file(folder, name, entry)
        if sentence:
            wrong.append(CheckLine("hashes", False, sentence))
    extra = sorted(_names(folder) - set(listed) - {MANIFEST, SIGNATURE})
    wrong += [
        CheckLine(
            "hashes", False, say("%(name)s lies in the folder but not in the manifest.", name=name)
        )
        for name in extra
    ]
    yield from wrong
    if not wrong:
        sentence = say(
            "All %(listed)s files are there with the size and SHA-256 of the manifest.",
            listed=len(listed),
        )
        yield CheckLine("hashes", True, sentence)


def _file(folder: Path, name: str, entry: dict[str, Any]) -> str:
    """What is wrong with a listed file; empty if nothing is."""
    if Path(name).name != name:
        return say("The manifest names a file outside its folder: %(name)s.", name=f"{name!r}")
    path = folder / name
    if not path.is_file():
        return say("%(name)s is missing.", name=name)
    size = path.stat().st_size
    if size != entry["bytes"]:
        return say(
            "%(name)s has %(size)s bytes; the manifest says %(bytes)s.",
            name=name,
            size=f"{size:,}",
            bytes=f"{entry['bytes']:,}",
        )
    if file_digest(path) != entry["sha256"]:
        return say("%(name)s was changed: its SHA-256 is not the one in the manifest.", name=name)
    return ""


def _rows(folder: Path, export: dict[str, Any]) -> Iterator[CheckLine]:
    """Both files of an export hold the rows that the manifest counted and hashed."""
    fields = [Field(**field) for field in export["fields"]]
    for name, read in (
        (f"{export['slug']}.jsonl", _json_lines),
        (f"{export['slug']}.parquet", lambda path: parquet_rows(path, fields)),
    ):
        tree = RowTree()
        try:
            for row in read(folder / name):
                tree.add(row)
        except (OSError, ValueError, KeyError, pa.ArrowException) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            yield CheckLine(
                "rows", False, say("%(name)s can't be read: %(reason)s.", name=name, reason=reason)
            )
            continue
        yield _counted(name, tree, export)


def _counted(name: str, tree: RowTree, export: dict[str, Any]) -> CheckLine:
    if tree.count != export["rows"]:
        return CheckLine(
            "rows",
            False,
            say(
                "%(name)s has %(count)s rows; the manifest says %(rows)s.",
                name=name,
                count=f"{tree.count:,}",
                rows=f"{export['rows']:,}",
            ),
        )
    if tree.root() != export["content_root"]:
        return CheckLine(
            "rows",
            False,
            say("A row of %(name)s differs from what the manifest hashed.", name=name),
        )
    return CheckLine(
        "rows",
        True,
        say(
            "%(name)s holds the %(count)s rows that were hashed.",
            name=name,
            count=f"{tree.count:,}",
        ),
    )


def _json_lines(path: Path) -> Iterator[bytes]:
    """Every line, which must be canonical JSON itself; raises ValueError for another."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            row = line.removesuffix(b"\n")
            if canonical(orjson.loads(row)) != row:
                raise ValueError(f"line {number} is not canonical JSON")
            yield row


def _names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def manifest_digest(folder: Path) -> str:
    return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
