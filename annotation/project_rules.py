"""The rules of assignment in force in a project, and the group an annotator is in under them."""

from annotation.assignment.rules import AssignmentRules
from annotation.models import Annotator, Project

STANDARD = AssignmentRules()


def rules_of(project: Project) -> AssignmentRules:
    settings = project.options.get("assignment")
    return AssignmentRules.of(settings) if settings else STANDARD


def group_of(annotator: Annotator, rules: AssignmentRules) -> str:
    """The group that the annotator's present profile declares, "" for none."""
    if not rules.group_by:
        return ""
    profile = annotator.current_profile()
    declared = profile.attributes.get(rules.group_by) if profile is not None else None
    return "" if declared is None else str(declared)
