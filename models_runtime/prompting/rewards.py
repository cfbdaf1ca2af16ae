"""Templates of generative reward models and verifiers. Pure."""

from models_runtime.prompting.rating import INTRO, RATE_REPAIR, RULES
from models_runtime.prompting.templates import Template

PRINCIPLED = """\
First write the principles by which responses to this last message should be judged, each with a \
weight in per cent. Then criticise every response by these principles. Then end with exactly one \
line that gives each response, in the order shown, a whole number from 1 to 10:
Scores: [[X, Y, …]]"""
PRINCIPLED_REPAIR = """\
Your scores could not be read. Write only the line for the scores you meant, one number from 1 to \
10 per response in the order shown: Scores: [[X, Y, …]]"""

VERIFIED = """\
Is the solution correct? Check it step by step. Then end with exactly one line of this form:
Verdict: [[X]]
where X is correct or incorrect."""
VERIFIED_LABEL = "Is the solution correct? Answer Yes or No and nothing else."
VERIFY_REPAIR = """\
Your verdict could not be read. Write only the line for what you meant: Verdict: [[X]] with X \
correct or incorrect."""

P_TRUE = """\
Is the possible answer above true, that is, a correct and fitting answer to the last message? \
Answer True or False and nothing else."""

CRITICISED = """\
Criticise the response: say what is wrong or missing, where, and how much it matters; and what is \
right. Go through it step by step where it has steps. At most 200 words; no rating."""
RATED_BY_CRITIQUE = """\
Rate the response on the criterion from {low} to {high}{steps}, taking the critique into account \
where it is right. End with exactly one line of this form:
Rating: [[X]]"""

VERIFIERS = {"correct": "yes", "incorrect": "no", "right": "yes", "wrong": "no"}

PRINCIPLES = Template(
    "principles", 1, RULES, PRINCIPLED, intro=INTRO.format(task="score by principles"),
    repair=PRINCIPLED_REPAIR, max_tokens=1200,
)  # fmt: skip
VERIFICATION = Template(
    "verification", 1, RULES, VERIFIED, intro=INTRO.format(task="verify"), repair=VERIFY_REPAIR,
    max_tokens=800,
)  # fmt: skip
VERIFICATION_LABEL = Template(
    "verification-labelled", 1, RULES, VERIFIED_LABEL, intro=INTRO.format(task="verify"),
    max_tokens=1, labels=("Yes", "No"),
)  # fmt: skip
TRUTH = Template(
    "p-true", 1, RULES, P_TRUE, intro=INTRO.format(task="true or false"), max_tokens=1,
    labels=("True", "False"),
)  # fmt: skip
CRITIQUE = Template(
    "critique", 1, RULES, CRITICISED, intro=INTRO.format(task="criticise"), max_tokens=500
)
RATE_CRITICISED = Template(
    "critique-rating", 1, RULES, RATED_BY_CRITIQUE, intro=INTRO.format(task="rate"),
    repair=RATE_REPAIR, max_tokens=200,
)  # fmt: skip
