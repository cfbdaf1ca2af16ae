"""Forest plot: one line per item, its score as a mark and its interval as a bar. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aggregation.charts.drawing import CHARACTER, frame, line, plain, shortened, text, ticks

ROW, TOP, BOTTOM, WIDTH = 26.0, 10.0, 34.0, 760.0
MOST_LABEL = 34


@dataclass(frozen=True)
class Estimate:
    """A score with its interval; None where a bound isn't known. `note` stands at the right."""

    label: str
    score: float
    lo: float | None = None
    hi: float | None = None
    note: str = ""


def forest(
    name: str,
    estimates: Sequence[Estimate],
    *,
    title: str,
    unit: str,
    reference: float | None = None,
) -> str:
    """An SVG of the estimates in the order given; `reference` draws a line, such as "even".

    `name` makes the ids unique on the page. Empty without estimates.
    """
    if not estimates:
        return ""
    labels = [shortened(estimate.label, MOST_LABEL) for estimate in estimates]
    left = 12 + CHARACTER * max(map(len, labels))
    right = WIDTH - 12 - CHARACTER * max(len(estimate.note) for estimate in estimates)
    low, high = _range(estimates, reference)
    height = TOP + ROW * len(estimates) + BOTTOM

    def x(value: float) -> float:
        return left + (value - low) / (high - low) * (right - left)

    floor = TOP + ROW * len(estimates)
    parts = [line(left, floor, right, floor, "chart-axis")]
    for tick in ticks(low, high):
        parts.append(line(x(tick), TOP, x(tick), floor, "chart-grid"))
        parts.append(text(x(tick), floor + 16, plain(tick), "chart-soft", "middle"))
    parts.append(text((left + right) / 2, floor + 31, unit, "chart-soft", "middle"))
    if reference is not None:
        parts.append(line(x(reference), TOP, x(reference), floor, "chart-reference"))
    for row, (estimate, label) in enumerate(zip(estimates, labels, strict=True)):
        y = TOP + ROW * (row + 0.5)
        parts.append(text(left - 10, y + 4.5, label, "", "end"))
        parts.extend(_mark(estimate, y, x))
        if estimate.note:
            parts.append(text(right + 10, y + 4.5, estimate.note, "chart-soft"))
    return frame(name, title, _described(estimates, unit), WIDTH, height, parts)


def _mark(estimate: Estimate, y: float, x: Callable[[float], float]) -> list[str]:
    marks = []
    if estimate.lo is not None and estimate.hi is not None:
        lo, hi = x(estimate.lo), x(estimate.hi)
        marks.append(line(lo, y, hi, y, "chart-interval"))
        marks += [line(end, y - 4, end, y + 4, "chart-interval") for end in (lo, hi)]
    marks.append(f'<circle cx="{x(estimate.score):.1f}" cy="{y:.1f}" r="4.5" class="chart-mark"/>')
    return marks


def _range(estimates: Sequence[Estimate], reference: float | None) -> tuple[float, float]:
    values = [estimate.score for estimate in estimates]
    values += [v for e in estimates for v in (e.lo, e.hi) if v is not None]
    if reference is not None:
        values.append(reference)
    low, high = min(values), max(values)
    margin = 0.04 * (high - low) or abs(high) * 0.1 or 1.0
    return low - margin, high + margin


def _described(estimates: Sequence[Estimate], unit: str) -> str:
    said = []
    for estimate in estimates[:12]:
        interval = ""
        if estimate.lo is not None and estimate.hi is not None:
            interval = f" [{estimate.lo:.3g}, {estimate.hi:.3g}]"
        said.append(f"{estimate.label}: {estimate.score:.3g}{interval}")
    more = f"; … (+{len(estimates) - 12})" if len(estimates) > 12 else ""
    return f"{unit}. {'; '.join(said)}{more}."
