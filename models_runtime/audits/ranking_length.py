"""Does a response rise in a ranking by lines that say nothing?"""

from models_runtime.audits import RANKINGS
from models_runtime.audits._responses import Lengthened


class RankingLength(Lengthened):
    title = "Length of what is ranked"
    question = "Does a response rise by lines that say nothing?"
    reference = "Dubois et al. 2024; Saito et al. 2023 (verbosity bias)"
    limit = 0.03
    of = RANKINGS


AUDIT = RankingLength()
