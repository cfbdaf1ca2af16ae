"""Cells of CSV files that people open in a spreadsheet. Pure."""

from typing import TypeVar

T = TypeVar("T")
RUNS_AS_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def harmless(cell: T) -> T | str:
    """The cell as it is, or quoted if a spreadsheet would run it as a formula; numbers stay."""
    if not isinstance(cell, str) or not cell.startswith(RUNS_AS_FORMULA):
        return cell
    return cell if _is_number(cell) else f"'{cell}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
