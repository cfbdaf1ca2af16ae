"""The second answer: what came of the responses is shown, and the same question is asked again.

Both answers are kept. The second supersedes the first, so that nobody counts twice, and carries
phase 2; leaving before it is given leaves the first one standing.
"""

from annotation.amendment import latest_of
from annotation.models import Annotator, Judgment, ProjectState
from annotation.steps import Steps

FIRST, IN_HINDSIGHT = 1, 2


def is_due(judgment: Judgment) -> bool:
    """Whether this standing first answer is to be given again, knowing what came of it."""
    project = judgment.question.project
    return (
        Steps.of(project.options).hindsight
        and judgment.phase == FIRST
        and project.state == ProjectState.OPEN
        and bool(consequences(judgment))
    )


def due_from(annotator: Annotator) -> Judgment | None:
    """The annotator's newest answer if it is to be given again in hindsight, else None."""
    if not Steps.of(annotator.project.options).hindsight:
        return None
    latest = latest_of(annotator)
    return latest if latest is not None and is_due(latest) else None


def consequences(judgment: Judgment) -> dict[int, str]:
    """What came of each response, in Markdown, by its position; those without are left out."""
    placed = judgment.question.placements.asked().exclude(consequence="")
    return dict(placed.values_list("position", "consequence"))
