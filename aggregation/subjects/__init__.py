"""What can be examined about a run, by name: pure functions from evidence to a report."""

from aggregation.subjects.case import Attributes, Case, Fitted, Subject, Watch
from aggregation.subjects.effects import EFFECTS
from aggregation.subjects.groups import GROUPS
from aggregation.subjects.judgments import JUDGMENTS
from aggregation.subjects.majority import MAJORITY
from aggregation.subjects.manipulation import MANIPULATION
from aggregation.subjects.plan import PLAN
from aggregation.subjects.rules import RULES
from aggregation.subjects.sturdiness import STURDINESS

__all__ = ["SUBJECTS", "Attributes", "Case", "Fitted", "Subject", "Watch"]

SUBJECTS: dict[str, Subject] = {
    "judgments": JUDGMENTS,
    "sturdiness": STURDINESS,
    "rules": RULES,
    "plan": PLAN,
    "groups": GROUPS,
    "manipulation": MANIPULATION,
    "majority": MAJORITY,
    "effects": EFFECTS,
}
