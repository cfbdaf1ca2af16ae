"""A map of people: one unnamed mark each, shaped by group, with a region for every group, and a
named cross for every model that judged beside them. Pure.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from aggregation.charts.drawing import frame, line, shortened
from aggregation.charts.patterns import mark

WIDTH, HEIGHT, EDGE = 760.0, 500.0, 26.0
MOST_LABEL = 28
DASHES = ("none", "7 4", "2 4", "10 3 2 3", "4 4", "12 5")


@dataclass(frozen=True)
class MapMark:
    """`kind` is the group, -1 for none; hollow: not sure to stay in it."""

    x: float
    y: float
    kind: int
    hollow: bool = False


@dataclass(frozen=True)
class MapRegion:
    """An ellipse around `x`, `y`; `angle` in degrees, turning from right to up."""

    kind: int
    label: str
    x: float
    y: float
    rx: float
    ry: float
    angle: float


@dataclass(frozen=True)
class MapCross:
    """A model judge: a cross with its name."""

    x: float
    y: float
    label: str


def people_map(
    name: str,
    marks: Sequence[MapMark],
    regions: Sequence[MapRegion],
    *,
    title: str,
    desc: str,
    crosses: Sequence[MapCross] = (),
) -> str:
    """An SVG with one scale for both directions, so that distances mean the same everywhere.

    Empty without marks.
    """
    if not marks:
        return ""
    left, right, low, high = _bounds([*marks, *crosses], regions)
    scale = min((WIDTH - 2 * EDGE) / (right - left), (HEIGHT - 2 * EDGE) / (high - low))
    middle_x, middle_y = (left + right) / 2, (low + high) / 2

    def place(x: float, y: float) -> tuple[float, float]:
        return WIDTH / 2 + (x - middle_x) * scale, HEIGHT / 2 - (y - middle_y) * scale

    zero_x, zero_y = place(0, 0)
    parts = [
        f'<rect x="1" y="1" width="{WIDTH - 2:g}" height="{HEIGHT - 2:g}" class="map-ground"/>',
        line(zero_x, 1, zero_x, HEIGHT - 1, "chart-grid"),
        line(1, zero_y, WIDTH - 1, zero_y, "chart-grid"),
    ]
    for region in regions:
        x, y = place(region.x, region.y)
        dash = DASHES[region.kind % len(DASHES)]
        parts.append(
            f'<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{max(region.rx * scale, 6):.1f}" '
            f'ry="{max(region.ry * scale, 6):.1f}" transform="rotate({-region.angle:.1f} {x:.1f} '
            f'{y:.1f})" class="map-region stroke-{region.kind % 6}" stroke-dasharray="{dash}"/>'
        )
    parts += [mark(each.kind, *place(each.x, each.y), hollow=each.hollow) for each in marks]
    parts += [_cross(*place(each.x, each.y)) for each in crosses]
    named = [(each.label, *_above(each, place)) for each in _from_the_top(regions)]
    for each in crosses:
        x, y = place(each.x, each.y)
        named.append((each.label, x, y - 2))
    parts += _labels(named)
    return frame(name, title, desc, WIDTH, HEIGHT, parts)


def legend_mark(kind: int, *, hollow: bool = False) -> str:
    """A mark by itself, for the words beside the map."""
    return (
        '<svg class="legend-mark" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">'
        f"{mark(kind, 8, 8, hollow=hollow)}</svg>"
    )


def legend_cross() -> str:
    """A cross by itself, for the words beside the map."""
    return (
        '<svg class="legend-mark" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">'
        f"{_cross(8, 8, 5)}</svg>"
    )


def _bounds(
    marks: Sequence[MapMark | MapCross], regions: Sequence[MapRegion]
) -> tuple[float, float, float, float]:
    reach = [(r.x, r.y, max(r.rx, r.ry)) for r in regions]
    xs = [m.x for m in marks] + [x + side for x, _, r in reach for side in (-r, r)]
    ys = [m.y for m in marks] + [y + side for _, y, r in reach for side in (-r, r)]
    left, right, low, high = min(xs), max(xs), min(ys), max(ys)
    wide, tall = max(right - left, 1e-6), max(high - low, 1e-6)
    return left - 0.03 * wide, right + 0.03 * wide, low - 0.03 * tall, high + 0.03 * tall


def _from_the_top(regions: Sequence[MapRegion]) -> list[MapRegion]:
    return sorted(regions, key=lambda each: (-each.y, each.x))


def _above(
    region: MapRegion, place: Callable[[float, float], tuple[float, float]]
) -> tuple[float, float]:
    """The point above a region."""
    turn = math.radians(region.angle)
    reach = math.hypot(region.rx * math.sin(turn), region.ry * math.cos(turn))
    return place(region.x, region.y + reach)


def _cross(x: float, y: float, size: float = 7.0) -> str:
    arms = f"M{x - size:.1f} {y - size:.1f}l{2 * size:g} {2 * size:g}m0 {-2 * size:g}"
    return f'<path d="{arms}l{-2 * size:g} {2 * size:g}" class="map-cross"/>'


def _labels(named: Sequence[tuple[str, float, float]]) -> list[str]:
    """Names above their points, moved apart where they would lie on each other."""
    parts, taken = [], list[tuple[float, float, float]]()
    for label, x, y in named:
        said = shortened(label, MOST_LABEL)
        half = 4.2 * len(said)
        x, y = min(max(x, half + 8), WIDTH - half - 8), max(y - 8, 20.0)
        while any(abs(y - other) < 18 and abs(x - at) < half + wide for at, other, wide in taken):
            y += 18
        taken.append((x, y, half))
        parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" class="chart-text map-label">'
            f"{escape(said)}</text>"
        )
    return parts
