"""Fills and marks that a reader without colour can tell apart: six of each. Pure."""

from html import escape

KINDS = 6
_LINES = (
    "",
    '<path d="M0 0L6 6M-1.5 4.5L1.5 7.5M4.5 -1.5L7.5 1.5" class="pattern-ink"/>',
    '<circle cx="3" cy="3" r="1.3" class="pattern-dot"/>',
    '<path d="M0 3H6" class="pattern-ink"/>',
    '<path d="M3 0V6" class="pattern-ink"/>',
    '<path d="M0 0L6 6M6 0L0 6" class="pattern-ink"/>',
)


def patterns(name: str) -> str:
    """The definitions that `filled` refers to, once per chart."""
    drawn = "".join(
        f'<pattern id="{escape(name)}-fill-{kind}" width="6" height="6" '
        f'patternUnits="userSpaceOnUse">{lines}</pattern>'
        for kind, lines in enumerate(_LINES)
        if lines
    )
    return f"<defs>{drawn}</defs>"


def filled(name: str, kind: int, x: float, y: float, width: float, height: float) -> str:
    """A rectangle in the colour and pattern of its kind."""
    kind %= KINDS
    shape = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}"'
    over = f'<rect {shape} fill="url(#{escape(name)}-fill-{kind})"/>' if _LINES[kind] else ""
    return f'<rect {shape} class="fill-{kind}"/>{over}'


def mark(kind: int, x: float, y: float, size: float = 5.0, *, hollow: bool = False) -> str:
    """A small shape of its kind, -1 a plain dot: circle, square, triangle, diamond, cross, star."""
    shape = f"mark-{kind % KINDS}" if kind >= 0 else "mark-none"
    css = f'class="mark {shape}{" mark-hollow" if hollow else ""}"'
    if kind < 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size * 0.45:.1f}" {css}/>'
    kind %= KINDS
    if kind == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}" {css}/>'
    if kind == 1:
        half = size * 0.9
        return (
            f'<rect x="{x - half:.1f}" y="{y - half:.1f}" width="{2 * half:.1f}" '
            f'height="{2 * half:.1f}" {css}/>'
        )
    return f'<path d="{_outline(kind, x, y, size)}" {css}/>'


def _outline(kind: int, x: float, y: float, s: float) -> str:
    if kind == 2:
        corners = [(0, -1.2), (1.1, 0.8), (-1.1, 0.8)]
    elif kind == 3:
        corners = [(0, -1.3), (1.0, 0), (0, 1.3), (-1.0, 0)]
    elif kind == 4:
        a, b = 0.38, 1.1
        corners = [(-a, -b), (a, -b), (a, -a), (b, -a), (b, a), (a, a), (a, b), (-a, b), (-a, a)]
        corners += [(-b, a), (-b, -a), (-a, -a)]
    else:
        corners = [(0, 1.2), (1.1, -0.8), (-1.1, -0.8)]
    return "M" + "L".join(f"{x + s * dx:.1f} {y + s * dy:.1f}" for dx, dy in corners) + "Z"
