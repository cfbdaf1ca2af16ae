"""Charts as they stand in a page."""

from django.utils.safestring import SafeString, mark_safe


def chart_markup(svg: str) -> SafeString:
    """The SVG of a chart of `aggregation.charts`, for a template to show as it is."""
    return mark_safe(svg)  # noqa: S308 - made by aggregation.charts, which escapes every text
