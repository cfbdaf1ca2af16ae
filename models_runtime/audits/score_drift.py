"""Does this version of a judge score as an earlier one did?"""

from models_runtime.audits import SCORES
from models_runtime.audits._cells import Drifted


class ScoreDrift(Drifted):
    title = "Drift of scores"
    question = "Does it give what its earlier version gave?"
    reference = "Wang et al. 2025 (CREAM)"
    limit = 0.9
    of = SCORES


AUDIT = ScoreDrift()
