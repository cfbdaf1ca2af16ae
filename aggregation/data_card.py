"""The data card of a release: its manifest told to a person, as Markdown. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Manifest = Mapping[str, Any]


def data_card(manifest: Manifest) -> str:
    """README.md for a manifest that has everything but the list of files."""
    return "\n".join(_lines(manifest)).rstrip() + "\n"


def _lines(manifest: Manifest) -> Iterator[str]:
    yield from _head(manifest)
    yield from _about(manifest)
    yield from _rule(manifest)
    yield from _left_out(manifest)
    for export in manifest["exports"]:
        yield from _export(export)
    yield from _checking(manifest)


def _head(manifest: Manifest) -> Iterator[str]:
    """Front matter by which dataset hubs find the files."""
    yield "---"
    yield "configs:"
    for export in manifest["exports"]:
        yield f"- config_name: {export['slug']}"
        yield f"  data_files: {export['slug']}.parquet"
    yield "---"
    yield ""


def _about(manifest: Manifest) -> Iterator[str]:
    project, snapshot, included = (
        manifest["project"],
        manifest["snapshot"],
        manifest["included"],
    )
    yield f"# {_plain(project['name'])}, release {manifest['version']}"
    yield ""
    if manifest["simulated"]:
        yield (
            "**Simulated:** annotators or answers of this project are invented, for demonstration "
            "and tests. Don't train on it or draw conclusions about people from it."
        )
        yield ""
    if project["description"]:
        yield _plain(project["description"])
        yield ""
    if manifest["notes"]:
        yield _plain(manifest["notes"])
        yield ""
    yield (
        f"It holds {included['judgments']:,} judgments by {included['annotators']:,} annotators "
        f"on {included['questions']:,} questions: the project's log up to position "
        f"{snapshot['mark']}, frozen on {manifest['created_at'][:10]}."
    )
    yield ""
    licence = _plain(manifest["licence"]) if manifest["licence"] else "not stated by the publisher"
    yield f"Licence: {licence}."
    yield ""


def _rule(manifest: Manifest) -> Iterator[str]:
    yield "## How judgments became rows"
    yield ""
    for sentence in manifest["curation"]["sentences"]:
        yield f"- {_plain(sentence)}"
    yield ""
    run = manifest["run"]
    if run is not None:
        yield (
            f"The scores in `scores.json` come from the method `{run['method']}` with seed "
            f"{run['seed']} on the same judgments."
        )
        yield ""
    choice = manifest.get("rule_choice")
    if choice:
        yield (
            f"Which rule to go by was decided on {choice['at'][:10]} by {_plain(choice['by'])}, "
            f"after a report on who disagrees (log up to {choice['report_mark']:,}, "
            f"`sha256:{choice['report_digest']}`): {_plain(choice['title'])}, which picks "
            f"{_plain(choice['picks'])} there. The reason given: {_plain(choice['reason'])}"
        )
        yield ""
    yield f"Computed by Polyphony {manifest['code_version']}."
    yield ""


def _left_out(manifest: Manifest) -> Iterator[str]:
    yield "## What was left out, and why"
    yield ""
    found = False
    for what, entries in (
        ("judgments", manifest["left_out"]),
        *((export["slug"], export["left_out"]) for export in manifest["exports"]),
    ):
        for entry in entries:
            found = True
            group = "" if entry["group"] == "all" else f" (group {_plain(entry['group'])})"
            unit = "judgments" if what == "judgments" else f"pairs of `{what}`"
            yield f"- {entry['count']:,} {unit}{group}: {entry['meaning']}."
    if manifest["skips"]:
        found = True
        yield f"- {manifest['skips']:,} questions were skipped by somebody; a skip is no judgment."
    if not found:
        yield "Nothing."
    yield ""


def _export(export: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {export['title']}: {export['rows']:,} rows"
    yield ""
    yield export["description"]
    yield f"Files: `{export['slug']}.parquet` and `{export['slug']}.jsonl`, with the same rows."
    yield ""
    yield "```python"
    yield export["loading"]
    yield "```"
    yield ""
    yield from table(
        ("field", "type", "meaning"),
        [
            (f"`{field['name']}`", _type(field), field["meaning"])
            for field in sorted(export["fields"], key=lambda field: field["name"])
        ],
    )
    yield ""


def _type(field: Mapping[str, Any]) -> str:
    return f"{field['type']}, may be empty" if field["nullable"] else str(field["type"])


def _checking(manifest: Manifest) -> Iterator[str]:
    yield "## How to check it"
    yield ""
    yield (
        "`manifest.json` lists every file with its size and SHA-256 and a hash over all rows "
        "(the tree of RFC 6962 over the canonical JSON lines); `manifest.json.sig` is its Ed25519 "
        "signature by the key in `signing-key.pem`, whose fingerprint is"
    )
    yield f"`{manifest['signer']}`."
    yield ""
    yield "`./polyphony verify_release FOLDER` checks all of it, without a database."


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A Markdown table."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"


def _plain(text: str) -> str:
    """Somebody's text on one line, unable to open a heading, a link or markup of its own."""
    escaped = " ".join(text.split())
    for sign in "\\`*_[]<>#|":
        escaped = escaped.replace(sign, f"\\{sign}")
    return escaped
