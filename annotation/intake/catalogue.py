"""What intake's plug-in folders hold: readers by format, kinds by what a row means."""

from annotation.intake.kinds import Kind
from annotation.intake.readers import Reader
from annotation.intake.refusals import BadMapping, UnreadableFile
from annotation.intake.sources import Source
from annotation.phrases import say
from config.plugins import discover

READERS: dict[str, Reader] = discover("annotation.intake.readers", "READER")
KINDS: dict[str, Kind] = discover("annotation.intake.kinds", "KIND")


def reader_of(source: Source) -> Reader:
    """The reader for a file, by its name and first bytes. Raises UnreadableFile."""
    parquet = READERS["parquet"]
    if parquet.recognises(source.head):
        return parquet
    if source.stem.endswith(parquet.suffixes):
        raise UnreadableFile(
            say(
                "“%(source_name)s” is named like a Parquet file but isn't one.",
                source_name=source.name,
            )
        )
    for reader in READERS.values():
        if source.stem.endswith(reader.suffixes):
            return reader
    for reader in READERS.values():
        if reader.recognises(source.head):
            return reader
    raise UnreadableFile(
        say(
            "“%(source_name)s” has an unknown ending. Name it .csv, .tsv, .jsonl or "
            ".parquet, each with .gz after it if it is gzipped.",
            source_name=source.name,
        )
    )


def kind_named(slug: str) -> Kind:
    """Raises BadMapping with the known kinds when there is none of that name."""
    if slug not in KINDS:
        raise BadMapping(
            [
                say(
                    "There is no kind “%(slug)s”. The kinds are: %(names)s.",
                    slug=slug,
                    names=", ".join(KINDS),
                )
            ]
        )
    return KINDS[slug]
