"""Columns over time: heights from an honest zero, some of them labelled. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, TOP, FLOOR, LEFT = 760.0, 190.0, 24.0, 150.0, 44.0
CHARACTER = 7.2  # width of a digit or letter at 13 px, on the wide side
LABELLED = 6  # columns that get their label written under them


@dataclass(frozen=True, slots=True)
class Column:
    """A count with its label, such as a day. `unfinished` is drawn hollow: it may still grow."""

    label: str
    value: int
    unfinished: bool = False


def columns(name: str, values: Sequence[Column], *, title: str, unit: str) -> str:
    """An SVG of one column per value; `name` makes its ids unique on the page.

    Empty without values. Raises ValueError for a negative value: it has no height.
    """
    if not values:
        return ""
    if any(column.value < 0 for column in values):
        raise ValueError("A column's height can't be negative.")
    most = max(column.value for column in values) or 1
    step = (WIDTH - LEFT - 12) / len(values)
    labelled = _labelled(len(values), step, max(len(column.label) for column in values))
    parts = [_text(LEFT - 8, TOP - 9, unit, "chart-soft", "start")]
    for mark in _marks(most):
        y = FLOOR - (FLOOR - TOP) * mark / most
        parts.append(_line(LEFT, y, WIDTH - 12, y, "chart-grid"))
        parts.append(_text(LEFT - 8, y + 4.5, f"{mark:,}", "chart-soft", "end"))
    for at, column in enumerate(values):
        height = (FLOOR - TOP) * column.value / most
        kind = "chart-column chart-unfinished" if column.unfinished else "chart-column"
        x = LEFT + step * at + step * 0.14
        parts.append(
            f'<rect x="{x:.1f}" y="{FLOOR - height:.1f}" width="{step * 0.72:.1f}" '
            f'height="{height:.1f}" class="{kind}"><title>{escape(column.label)}: '
            f"{column.value:,}</title></rect>"
        )
        if at in labelled:
            middle = LEFT + step * (at + 0.5)
            parts.append(_line(middle, FLOOR, middle, FLOOR + 4, "chart-axis"))
            parts.append(_text(middle, FLOOR + 18, column.label, "chart-soft", "middle"))
    parts.append(_line(LEFT, FLOOR, WIDTH - 12, FLOOR, "chart-axis"))
    said = "; ".join(f"{column.label}: {column.value:,}" for column in values)
    known = escape(name)
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" '
        f'aria-labelledby="{known}-title {known}-desc" xmlns="http://www.w3.org/2000/svg">'
        f'<title id="{known}-title">{escape(title)}</title>'
        f'<desc id="{known}-desc">{escape(unit)}. {escape(said)}.</desc>{"".join(parts)}</svg>'
    )


def _marks(most: int) -> list[int]:
    """Whole numbers from 0 up to the largest value, about four steps."""
    size = 1
    for power in range(12):
        for factor in (1, 2, 5):
            size = factor * 10**power
            if most / size <= 4:
                return list(range(0, most + 1, size))
    return [0, most]


def _labelled(count: int, step: float, characters: int) -> set[int]:
    """Which columns are labelled: the last, and others so far apart that no labels touch."""
    apart = max(1, -(-count // LABELLED), int(characters * CHARACTER / step) + 1)
    return set(range(count - 1, -1, -apart))


def _text(x: float, y: float, content: str, kind: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="chart-text {kind}">'
        f"{escape(content)}</text>"
    )


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'
