"""What examinations of runs found, in sentences and rows for pages."""

from collections.abc import Sequence

from aggregation.findings.effects import effects_view
from aggregation.findings.groups import groups_view
from aggregation.findings.majority import majority_view
from aggregation.findings.manipulation import manipulation_view
from aggregation.findings.plan import plan_view
from aggregation.findings.rules import rules_view
from aggregation.findings.sturdiness import sturdiness_view
from aggregation.models import Examination, Run

__all__ = [
    "effects_view",
    "groups_view",
    "majority_view",
    "manipulation_view",
    "newest_examination",
    "plan_view",
    "rules_view",
    "sturdiness_view",
]


def newest_examination(run: Run, subject: str, *, beside: Sequence[Run] = ()) -> Examination | None:
    """The newest examination of a run, beside just these others where it compares several."""
    wanted = {other.pk for other in beside}
    for examination in run.examinations.filter(subject=subject).order_by("-id")[:20]:
        if not beside or {other.pk for other in examination.beside.all()} == wanted:
            return examination
    return None
