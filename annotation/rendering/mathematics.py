"""LaTeX between dollars or brackets, as MathML."""

import html
import re
from collections.abc import MutableMapping, Sequence
from typing import Any

from latex2mathml.converter import convert as latex_to_mathml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

LATEX_LIMIT = 2_000  # characters of one formula
FORMULA_LIMIT = 500  # formulas of one text

_MACRO = re.compile(r"\\(?:(?:re)?new|provide|[gex]?def|let|futurelet|csname|input|include)")


def render_latex(source: str, *, display: bool) -> str:
    """MathML of a formula, or its source as code if it is too long, defines macros or has a fault.

    Macro definitions are refused because a few of them expand without bound; everything else the
    converter does is linear in the length of the formula.
    """
    if len(source) <= LATEX_LIMIT and not _MACRO.search(source):
        try:
            return str(latex_to_mathml(source, display="block" if display else "inline"))
        except Exception:  # noqa: BLE001, S110 - its parser raises whatever it stumbles over
            pass
    fence = "$$" if display else "$"
    return f'<code class="latex-source">{html.escape(fence + source + fence)}</code>'


def math_rule(*, display: bool, block: bool = False) -> Any:
    def render(
        self: RendererHTML,
        tokens: Sequence[Token],
        idx: int,
        options: OptionsDict,
        env: MutableMapping[str, Any],
    ) -> str:
        env["formulas"] = env.get("formulas", 0) + 1
        source = tokens[idx].content.strip()
        if env["formulas"] > FORMULA_LIMIT:
            rendered = f'<code class="latex-source">{html.escape(source)}</code>'
        else:
            rendered = render_latex(source, display=display)
        return f'<div class="math-block">{rendered}</div>\n' if block else rendered

    return render


_BRACKETS = {"(": (r"\)", "math_inline"), "[": (r"\]", "math_inline_double")}


def bracket_math(state: StateInline, silent: bool) -> bool:
    r"""\( … \) and \[ … \], the form in which models mostly write mathematics."""
    opening = state.src[state.pos + 1 : state.pos + 2]
    if state.src[state.pos] != "\\" or opening not in _BRACKETS:
        return False
    closing, kind = _BRACKETS[opening]
    end = state.src.find(closing, state.pos + 2, state.pos + 2 + LATEX_LIMIT)
    if end < 0 or end > state.posMax or not state.src[state.pos + 2 : end].strip():
        return False
    if not silent:
        state.push(kind, "math", 0).content = state.src[state.pos + 2 : end]
    state.pos = end + 2
    return True


def bracket_math_block(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    r"""A paragraph that begins with \[ and ends with \]; its lines aren't lists or headings."""
    if state.is_code_block(first):
        return False
    begin = state.bMarks[first] + state.tShift[first]
    if not state.src.startswith(r"\[", begin):
        return False
    lines: list[str] = []
    for line in range(first, min(last, first + 100)):
        text = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].rstrip()
        lines.append(text)
        if not text or (line > first and state.sCount[line] < state.blkIndent):
            return False
        if text.endswith(r"\]"):
            break
    else:
        return False
    content = "\n".join(lines)[2:-2]
    if not content.strip() or r"\]" in content:
        return False
    if silent:
        return True
    state.line = first + len(lines)
    token = state.push("math_block", "math", 0)
    token.content, token.map = content, [first, state.line]
    return True
