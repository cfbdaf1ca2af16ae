"""Bars: lengths from an honest zero, each with its number beside it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from aggregation.charts.drawing import CHARACTER, frame, line, shortened, text

ROW, TOP, WIDTH = 28.0, 4.0, 760.0
MOST_LABEL = 34


@dataclass(frozen=True)
class Bar:
    """A count or share from 0. `said` is how its number reads; `chosen` sets it off by a frame."""

    label: str
    value: float
    said: str
    chosen: bool = False


def bars(name: str, values: Sequence[Bar], *, title: str, most: float | None = None) -> str:
    """An SVG of horizontal bars; `most` is the full length (default: the longest bar).

    Empty without bars. Raises ValueError for a negative value: it has no length.
    """
    if not values:
        return ""
    if any(bar.value < 0 for bar in values):
        raise ValueError("A bar's length can't be negative.")
    labels = [shortened(bar.label, MOST_LABEL) for bar in values]
    left = 12 + CHARACTER * max(map(len, labels))
    right = WIDTH - 12 - CHARACTER * max(len(bar.said) for bar in values)
    full = most or max(bar.value for bar in values) or 1.0
    height = TOP * 2 + ROW * len(values)
    parts = []
    for row, (bar, label) in enumerate(zip(values, labels, strict=True)):
        y = TOP + ROW * row
        length = (right - left) * bar.value / full
        kind = "chart-bar chart-chosen" if bar.chosen else "chart-bar"
        parts.append(text(left - 10, y + ROW / 2 + 4.5, label, "", "end"))
        parts.append(
            f'<rect x="{left:.1f}" y="{y + 5:.1f}" width="{length:.1f}" height="{ROW - 10:.1f}" '
            f'class="{kind}"/>'
        )
        parts.append(text(left + length + 8, y + ROW / 2 + 4.5, bar.said, "chart-soft"))
    parts.append(line(left, TOP, left, height - TOP, "chart-axis"))
    desc = "; ".join(f"{bar.label}: {bar.said}" for bar in values)
    return frame(name, title, f"{desc}.", WIDTH, height, parts)
