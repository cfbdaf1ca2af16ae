"""The reliability curve of a judge as a small SVG. Pure.

Squares stand at how often it was right when it was so sure, with their intervals; the dashed line
is where a judge stands that is right as often as it is sure. Shapes and labels say it all without
colour.
"""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, FLOOR = 372.0, 300.0, 46.0, 348.0, 22.0, 252.0
LEAST_SURE = 0.5
MARKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def reliability_chart(
    curve: Sequence[Mapping[str, float]], *, title: str, x_words: str, y_words: str
) -> str:
    """An SVG of bins with `sure`, `right`, `low`, `high` and `n`; confidence runs from ½ to 1, the
    share right from 0 to 1. Empty without bins."""
    if not curve:
        return ""

    def at(sure: float) -> float:
        return LEFT + (RIGHT - LEFT) * (sure - LEAST_SURE) / (1 - LEAST_SURE)

    def up(right: float) -> float:
        return FLOOR - (FLOOR - TOP) * right

    parts = [_text(LEFT, 13, y_words, "start")]
    for mark in MARKS:
        parts.append(_line(LEFT, up(mark), RIGHT, up(mark), "reliability-grid"))
        parts.append(_text(LEFT - 6, up(mark) + 4, f"{mark:.0%}", "end"))
    for sure in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        parts.append(_line(at(sure), FLOOR, at(sure), FLOOR + 4, "reliability-axis"))
        parts.append(_text(at(sure), FLOOR + 17, f"{sure:.0%}", "middle"))
    parts.append(_line(LEFT, FLOOR, RIGHT, FLOOR, "reliability-axis"))
    parts.append(_text((LEFT + RIGHT) / 2, FLOOR + 36, x_words, "middle"))
    parts.append(_line(at(0.5), up(0.5), at(1), up(1), "reliability-ideal"))
    for each in curve:
        x, y = at(each["sure"]), up(each["right"])
        parts.append(_line(x, up(each["low"]), x, up(each["high"]), "reliability-interval"))
        parts.append(
            f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8" class="reliability-mark"/>'
        )
    said = "; ".join(f"{e['sure']:.0%}: {e['right']:.0%} ({e['n']})" for e in curve)
    return (
        f'<svg class="reliability" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" '
        'aria-labelledby="reliability-title reliability-desc" xmlns="http://www.w3.org/2000/svg">'
        f'<title id="reliability-title">{escape(title)}</title>'
        f'<desc id="reliability-desc">{escape(f"{y_words} / {x_words}: {said}")}</desc>'
        f"{''.join(parts)}</svg>"
    )


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="reliability-text">'
        f"{escape(words)}</text>"
    )


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'
