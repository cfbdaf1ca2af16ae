"""Does a response's score rise with lines that say nothing?"""

from models_runtime.audits import SCORES
from models_runtime.audits._responses import Lengthened


class ScoreLength(Lengthened):
    title = "Length of what is scored"
    question = "Does a response's score rise with lines that say nothing?"
    reference = "Dubois et al. 2024; Saito et al. 2023 (verbosity bias)"
    limit = 0.02
    of = SCORES


AUDIT = ScoreLength()
