"""A curve over a number that grows by factors: steps from zero, then by equal ratios. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from aggregation.charts.drawing import CHARACTER, frame, line, plain, text, ticks

WIDTH, HEIGHT, TOP, BOTTOM, LEFT_MARGIN = 760.0, 280.0, 26.0, 48.0, 12.0
LABELLED = 6  # ticks on the axis of x


@dataclass(frozen=True)
class Point:
    x: float
    y: float


def curve(
    name: str,
    points: Sequence[Point],
    *,
    title: str,
    x_unit: str,
    y_unit: str,
    top: float | None = None,
) -> str:
    """An SVG of points in rising x >= 0, joined by a line; x is drawn as log(1 + x / first step), y
    from an honest zero to `top` (default: the largest y).

    Empty with fewer than two points. Raises ValueError for a negative y or x that doesn't rise.
    """
    if len(points) < 2:
        return ""
    if any(p.y < 0 for p in points) or any(
        later.x <= earlier.x for earlier, later in pairwise(points)
    ):
        raise ValueError("A curve needs rising x and no negative y.")
    unit = next(p.x for p in points if p.x > 0)
    most_x = math.log1p(points[-1].x / unit)
    high = top or max(p.y for p in points) or 1.0
    marks = ticks(0.0, high)
    left = LEFT_MARGIN + CHARACTER * max(len(plain(mark)) for mark in marks) + 8
    right, floor = WIDTH - 40.0, HEIGHT - BOTTOM

    def at(x: float) -> float:
        return left + (right - left) * math.log1p(x / unit) / most_x

    def up(y: float) -> float:
        return floor - (floor - TOP) * y / high

    parts = [text(left, 14, y_unit, "chart-soft")]
    for mark in marks:
        parts.append(line(left, up(mark), right, up(mark), "chart-grid"))
        parts.append(text(left - 8, up(mark) + 4.5, plain(mark), "chart-soft", "end"))
    parts.append(line(left, floor, right, floor, "chart-axis"))
    for point in _labelled(points):
        parts.append(line(at(point.x), floor, at(point.x), floor + 5, "chart-axis"))
        parts.append(text(at(point.x), floor + 19, f"{point.x:,.0f}", "chart-soft", "middle"))
    parts.append(text((left + right) / 2, floor + 38, x_unit, "chart-soft", "middle"))
    path = " ".join(f"{at(p.x):.1f},{up(p.y):.1f}" for p in points)
    parts.append(f'<polyline points="{path}" class="chart-curve"/>')
    parts += [
        f'<circle cx="{at(p.x):.1f}" cy="{up(p.y):.1f}" r="2.5" class="chart-mark"/>'
        for p in points
    ]
    said = "; ".join(f"{p.x:,.0f}: {p.y:.3g}" for p in _labelled(points))
    return frame(name, title, f"{x_unit} → {y_unit}. {said}.", WIDTH, HEIGHT, parts)


def _labelled(points: Sequence[Point]) -> list[Point]:
    last = len(points) - 1
    return [points[round(k * last / (LABELLED - 1))] for k in range(LABELLED)]
