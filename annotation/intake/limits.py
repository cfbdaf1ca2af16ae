"""How much a file may ask of us. Pure."""

from dataclasses import dataclass

KB, MB, GB = 1 << 10, 1 << 20, 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that keep memory and disk safe whatever arrives.

    `cell` is in characters, all others in bytes. `line` bounds one record as it stands in the file.
    `unpacked` bounds a file after decompression; `ratio` how many times a compressed file may grow
    once it has passed `ratio_from` bytes.
    """

    cell: int = 1_000_000
    line: int = 8 * MB
    unpacked: int = 20 * GB
    ratio: int = 250
    ratio_from: int = 64 * MB
    columns: int = 500


def human_size(count: float) -> str:
    """Bytes as a person reads them: 8 MB, 1.5 GB."""
    for unit, size in (("GB", GB), ("MB", MB), ("KB", KB)):
        if count >= size:
            return f"{count / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{count:.0f} bytes"
