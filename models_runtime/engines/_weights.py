"""A model's files on this machine: how much memory they take, and which they are. Read without any
library."""

import hashlib
import json
import math
import os
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from annotation.phrases import say

BYTES = {
    "F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2,
    "U16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "I8": 1, "U8": 1, "BOOL": 1,
}  # fmt: skip
FLOATS = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"}
LONGEST_HEADER = 100 * 2**20
PIECE, PIECES = 64 * 2**10, 64  # bytes at a time, and from how many places of a file
FINGERPRINT = "files-"


class BadWeights(Exception):
    """A file that isn't safetensors; the text says which."""


def weight_bytes(model: str, revision: str, dtype: str) -> int:
    """Bytes of the weights when loaded as `dtype` (auto: as they are stored).

    0 where the files aren't found: loading then says so.
    """
    folder = folder_of(model, revision)
    if folder is None:
        return 0
    files = sorted(folder.glob("*.safetensors"))
    stamp = tuple((str(each), each.stat().st_size, each.stat().st_mtime_ns) for each in files)
    try:
        return _sum(stamp, dtype)
    except BadWeights:
        return 0


def folder_of(model: str, revision: str) -> Path | None:
    """The folder of a model on this machine: its own, or one in the hub's cache."""
    folder = Path(model)
    if folder.is_dir():
        return folder
    cached = hub_cache() / f"models--{model.replace('/', '--')}"
    wanted = revision or "main"
    named = cached / "refs" / wanted
    commit = named.read_text().strip() if named.is_file() else wanted
    found = cached / "snapshots" / commit
    return found if found.is_dir() else None


def hub_cache() -> Path:
    """Where the hub's own tools keep what they downloaded."""
    home = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface"))
    return Path(os.environ.get("HF_HUB_CACHE", home / "hub"))


def pin(model: str, revision: str = "") -> str:
    """What tells these very files from others: the commit of a model in the hub's cache, a
    fingerprint of a folder; the given `revision`, perhaps "", where neither is here."""
    folder = folder_of(model, revision)
    if folder is None:
        return revision
    return fingerprint(folder) if Path(model).is_dir() else folder.name


def fingerprint(folder: Path) -> str:
    """A short name for the content of a model's folder: sizes, the configuration, and pieces of
    every weights file, as reading all of it would take as long as loading."""
    files = [*sorted(folder.glob("*.safetensors")), *sorted(folder.glob("*.json"))]
    stamp = tuple((str(each), each.stat().st_size, each.stat().st_mtime_ns) for each in files)
    return FINGERPRINT + _digest(stamp)


@lru_cache(maxsize=64)
def _digest(files: tuple[tuple[str, int, int], ...]) -> str:
    digest = hashlib.sha256()
    for path, size, _ in files:
        digest.update(f"{Path(path).name}\0{size}\0".encode())
        step = max(PIECE, size // PIECES)
        with Path(path).open("rb") as file:
            for start in range(0, size, step):
                file.seek(start)
                digest.update(file.read(PIECE))
    return digest.hexdigest()[:16]


@lru_cache(maxsize=64)
def _sum(files: tuple[tuple[str, int, int], ...], dtype: str) -> int:
    total = 0
    for path, _, _ in files:
        for kind, shape in tensors(Path(path)):
            each = BYTES.get(kind, 4)
            if kind in FLOATS and dtype != "auto":
                each = 4 if dtype == "float32" else 2
            total += each * math.prod(shape)
    return total


def tensors(path: Path) -> list[tuple[str, tuple[int, ...]]]:
    """(dtype, shape) of every tensor of a safetensors file; only its header is read."""
    with path.open("rb") as file:
        header = _header(file, path)
    found = []
    for name, told in header.items():
        if name == "__metadata__":
            continue
        try:
            found.append((str(told["dtype"]), tuple(int(n) for n in told["shape"])))
        except (KeyError, TypeError, ValueError) as error:
            raise BadWeights(
                say("%(path_name)s has a broken header.", path_name=path.name)
            ) from error
    return found


def _header(file: BinaryIO, path: Path) -> dict[str, Any]:
    size = int.from_bytes(file.read(8), "little")
    if not 2 <= size <= LONGEST_HEADER:
        raise BadWeights(say("%(path_name)s isn't a safetensors file.", path_name=path.name))
    try:
        header = json.loads(file.read(size))
    except ValueError as error:
        raise BadWeights(
            say("%(path_name)s isn't a safetensors file.", path_name=path.name)
        ) from error
    if not isinstance(header, dict):
        raise BadWeights(say("%(path_name)s isn't a safetensors file.", path_name=path.name))
    return header
