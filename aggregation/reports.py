"""Diagnostics as plain data that a database or a file can keep: arrays become lists, NaN null."""

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

Report = dict[str, Any]


def plain(value: Any) -> Any:
    """A dataclass, array, tuple or number as JSON's own kinds; NaN and infinities become None."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    return value if value is None or isinstance(value, str | int | bool) else str(value)
