"""Small charts of a project as SVG made on the server: labelled, described, no script. Pure."""

from annotation.charts.columns import Column, columns

__all__ = ["Column", "columns"]
