"""Charts as SVG made on the server: labelled, described, without script or inline style. Pure."""

from aggregation.charts.bars import Bar, bars
from aggregation.charts.forest import Estimate, forest

__all__ = ["Bar", "Estimate", "bars", "forest"]
