"""How beliefs about one person's group move with each answer: a line of marks per group. Pure."""

from collections.abc import Sequence
from itertools import pairwise

from aggregation.charts.drawing import CHARACTER, frame, line, shortened, text
from aggregation.charts.patterns import mark

WIDTH, HEIGHT, TOP, BOTTOM, LEFT = 760.0, 260.0, 12.0, 44.0, 52.0
APART = 15.0  # least distance between two labels at the right
MOST_LABEL, MOST_MARKS, LABELLED = 24, 24, 12


def belief_path(
    name: str, path: Sequence[Sequence[float]], groups: Sequence[str], *, title: str, x_unit: str
) -> str:
    """An SVG of chances path[k][g] after k answers; groups are told apart by their marks' shape.

    Empty before the first answer. Raises ValueError for rows that aren't shares of the groups.
    """
    if any(len(row) != len(groups) or abs(sum(row) - 1) > 1e-6 for row in path):
        raise ValueError("Every row must be shares of the groups that sum to one.")
    n = len(path) - 1
    if n < 1:
        return ""
    labels = [shortened(group, MOST_LABEL) for group in groups]
    right = WIDTH - 24 - CHARACTER * max(map(len, labels))
    floor = HEIGHT - BOTTOM

    def at(k: float) -> float:
        return LEFT + (right - LEFT) * k / n

    def up(chance: float) -> float:
        return floor - (floor - TOP) * chance

    parts = []
    for chance in (0.0, 0.25, 0.5, 0.75, 1.0):
        kind = "chart-axis" if chance == 0 else "chart-grid"
        parts.append(line(LEFT, up(chance), right, up(chance), kind))
        said = f"{100 * chance:.0f} %"
        parts.append(text(LEFT - 8, up(chance) + 4.5, said, "chart-soft", "end"))
    for k in _some(n, LABELLED):
        parts.append(text(at(k), floor + 19, str(k), "chart-soft", "middle"))
    parts.append(text((LEFT + right) / 2, floor + 38, x_unit, "chart-soft", "middle"))
    marked = _some(n, MOST_MARKS)
    for g in range(len(groups)):
        points = " ".join(f"{at(k):.1f},{up(row[g]):.1f}" for k, row in enumerate(path))
        parts.append(f'<polyline points="{points}" class="belief-line stroke-{g % 6}"/>')
        parts += [mark(g, at(k), up(path[k][g]), 4.5) for k in marked]
    places = _spread([up(chance) + 4.5 for chance in path[-1]])
    parts += [text(right + 12, y, label) for y, label in zip(places, labels, strict=True)]
    told = "; ".join(
        f"{group}: {100 * path[0][g]:.0f} % → {100 * path[-1][g]:.0f} %"
        for g, group in enumerate(groups)
    )
    return frame(name, title, f"{told}.", WIDTH, HEIGHT, parts)


def _some(n: int, most: int) -> list[int]:
    """0 … n, or about `most` of them with both ends."""
    step = -(-n // most)
    kept = list(range(0, n - step // 2, step)) if step > 1 else list(range(n))
    return [*kept, n]


def _spread(heights: Sequence[float]) -> list[float]:
    """The same heights moved apart, downwards, then up again where they would leave the chart."""
    order = sorted(range(len(heights)), key=lambda k: heights[k])
    placed = list(heights)
    for before, k in pairwise(order):
        placed[k] = max(placed[k], placed[before] + APART)
    over = placed[order[-1]] - (HEIGHT - BOTTOM + 4.5)
    return [y - max(over, 0.0) if over > 0 else y for y in placed]
