"""Charts as they stand in a page, in the reader's language."""

import re
from html import escape, unescape

from django.utils.safestring import SafeString, mark_safe

from annotation.telling import told

_BESIDE = re.compile(r'(class="chart-text chart-soft">)([^<]*)(</text>)')  # ticks, units, notes
_DESCRIBED = re.compile(r"(<desc [^>]*>)([^<]*)(</desc>)")
_NUMBERS = re.compile(r"(?<=: )[−\-\d.,e+%\N{NO-BREAK SPACE} \[\]]+(?=[;,.]? |\.?$)")


def chart_markup(svg: str) -> SafeString:
    """The SVG of a chart of `aggregation.charts`, for a template to show as it is.

    Ticks, units and notes are told, and numbers of the description; labels are people's own.
    """
    svg = _BESIDE.sub(lambda text: f"{text[1]}{escape(told(unescape(text[2])))}{text[3]}", svg)
    svg = _DESCRIBED.sub(lambda text: f"{text[1]}{_figures(text[2])}{text[3]}", svg)
    return mark_safe(svg)  # noqa: S308 - made by aggregation.charts, which escapes every text


def _figures(description: str) -> str:
    return _NUMBERS.sub(lambda number: told(number[0]), description)
