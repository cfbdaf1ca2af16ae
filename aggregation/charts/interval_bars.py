"""Bars with their intervals, told apart by pattern and place rather than by colour. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aggregation.charts.drawing import CHARACTER, frame, line, shortened, text
from aggregation.charts.patterns import filled, patterns

BAR, GAP, TOP, WIDTH = 15.0, 10.0, 6.0, 760.0
MOST_LABEL, SMALL = 34, 6.3


@dataclass(frozen=True)
class IntervalBar:
    """A share from 0 to 1. `kind` chooses the pattern; `said` is how the number reads; `mark` is
    said after it, such as which bar is the shortest of its cluster.
    """

    value: float
    said: str
    lo: float | None = None
    hi: float | None = None
    kind: int = 0
    mark: str = ""


@dataclass(frozen=True)
class Cluster:
    """Bars that stand together under one label."""

    label: str
    bars: Sequence[IntervalBar]


def interval_bars(
    name: str,
    clusters: Sequence[Cluster],
    *,
    title: str,
    most: float = 1.0,
    reference: float | None = None,
) -> str:
    """An SVG of horizontal bars from zero to `most`; `reference` draws a line, such as one half.

    `name` makes the ids unique on the page. Empty without bars. Raises ValueError for a negative
    value: it has no length.
    """
    every = [bar for cluster in clusters for bar in cluster.bars]
    if not every:
        return ""
    if any(bar.value < 0 for bar in every):
        raise ValueError("A bar's length can't be negative.")
    labels = [shortened(cluster.label, MOST_LABEL) for cluster in clusters]
    left = 12 + CHARACTER * max(map(len, labels))
    longest = max(len(bar.said) + (len(bar.mark) + 2 if bar.mark else 0) for bar in every)
    right = max(WIDTH - 16 - SMALL * longest, left + 160)

    def x(value: float) -> float:
        return left + (right - left) * min(value, most) / most

    height = TOP * 2 + sum(BAR * len(c.bars) + GAP for c in clusters)
    parts, y = [patterns(name)], TOP
    for cluster, label in zip(clusters, labels, strict=True):
        middle = y + BAR * len(cluster.bars) / 2
        parts.append(text(left - 10, middle + 4.5, label, "", "end"))
        for bar in cluster.bars:
            parts += _bar(name, bar, left, y, x)
            y += BAR
        y += GAP
    if reference is not None:
        parts.append(line(x(reference), TOP, x(reference), height - TOP, "chart-reference"))
    parts.append(line(left, TOP, left, height - TOP, "chart-axis"))
    return frame(
        name, title, _described(clusters), max(WIDTH, right + SMALL * longest), height, parts
    )


def _bar(
    name: str, bar: IntervalBar, left: float, y: float, x: Callable[[float], float]
) -> list[str]:
    end, middle = x(bar.value), y + BAR / 2
    parts = [filled(name, bar.kind, left, y + 2, end - left, BAR - 4)]
    reach = end
    if bar.lo is not None and bar.hi is not None:
        lo, hi = x(bar.lo), x(bar.hi)
        parts.append(line(lo, middle, hi, middle, "chart-whisker"))
        parts += [line(at, middle - 4, at, middle + 4, "chart-whisker") for at in (lo, hi)]
        reach = max(end, hi)
    said = f"{bar.said}  {bar.mark}" if bar.mark else bar.said
    parts.append(text(reach + 8, middle + 4, said, "chart-soft"))
    return parts


def _described(clusters: Sequence[Cluster]) -> str:
    said = [
        f"{cluster.label}: {', '.join(_said(bar) for bar in cluster.bars)}" for cluster in clusters
    ]
    return f"{'; '.join(said)}."


def _said(bar: IntervalBar) -> str:
    return f"{bar.said} ({bar.mark})" if bar.mark else bar.said
