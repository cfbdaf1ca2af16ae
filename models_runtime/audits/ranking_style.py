"""Does formatting raise a response in a ranking, with the words unchanged?"""

from models_runtime.audits import RANKINGS
from models_runtime.audits._responses import Restyled


class RankingStyle(Restyled):
    title = "Formatting of what is ranked"
    question = "Does a response rise by headings, bullets and bold?"
    reference = "Arena-Hard style control; Li et al. 2024"
    limit = 0.03
    of = RANKINGS


AUDIT = RankingStyle()
