"""Charts as SVG made on the server: labelled, described, without script or inline style. Pure."""

from aggregation.charts.bars import Bar, bars
from aggregation.charts.curve import Point, curve
from aggregation.charts.forest import Estimate, forest

__all__ = ["Bar", "Estimate", "Point", "bars", "curve", "forest"]
