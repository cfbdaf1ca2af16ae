"""Does this version of a judge rank as an earlier one did?"""

from models_runtime.audits import RANKINGS
from models_runtime.audits._cells import Drifted


class RankingDrift(Drifted):
    title = "Drift of rankings"
    question = "Does it rank as its earlier version did?"
    reference = "Wang et al. 2025 (CREAM)"
    limit = 0.9
    of = RANKINGS


AUDIT = RankingDrift()
