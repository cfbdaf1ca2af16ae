"""The pluralistic report: who disagrees, how strongly, and what each choice costs them. Pure.

`build(material, options)` computes every sentence and number of it from comparisons of identified
people; `plain` turns it into JSON's types. Each number carries what it rests on and an interval, or
says why it has none; nothing is said about fewer than five people.
"""

from aggregation.report.building import Report, build, plain
from aggregation.report.material import Checks, Material, Reason, comparisons_from, whole_people
from aggregation.report.study import ReportOptions

__all__ = [
    "Checks",
    "Material",
    "Reason",
    "Report",
    "ReportOptions",
    "build",
    "comparisons_from",
    "plain",
    "whole_people",
]
