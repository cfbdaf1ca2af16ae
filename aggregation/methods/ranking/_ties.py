"""When a tie parameter can't be estimated: no ties at all, or nothing else."""

from aggregation.methods.ranking._cells import Cells
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from annotation.phrases import say


def only_ties(cells: Cells) -> bool:
    """Whether there are judgments and all are ties."""
    return bool(len(cells.outcome)) and not (cells.outcome != 0).any()


def tie_warnings(cells: Cells) -> tuple[ResultWarning, ...]:
    """ALL_TIES with a word on which of the two it is."""
    if not len(cells.outcome):
        return ()
    if only_ties(cells):
        return (warn(WarningCode.ALL_TIES, say("every judgment is a tie")),)
    if not (cells.outcome == 0).any():
        return (warn(WarningCode.ALL_TIES, say("no judgment is a tie")),)
    return ()
