"""How an examination ends: too little, or a finding. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from annotation.phrases import say
from models_runtime.audits import LEAST, Figure, Finding, Grade, too_little
from models_runtime.audits._intervals import unknown


def concluded(
    figures: Sequence[Figure],
    n: int,
    *,
    lacking: str,
    rule: str,
    grade: Callable[[Figure], Grade],
    sentence: str,
    least: int = LEAST,
    undefined: str = say("all of it belongs to one prompt."),
    detail: Mapping[str, Any] | None = None,
) -> Finding:
    """The finding of figures over `n` rows, the headline first.

    With less than `least` rows it says what is `lacking` after their number; where the headline
    has no interval, why it is `undefined`. `sentence` is filled with the headline's `estimate`,
    `low` and `high` and with `n`.
    """
    head = figures[0]
    if n < least:
        return too_little(
            unknown(head.name, n=n), say("%(n)s %(lacking)s.", n=n, lacking=lacking), rule
        )
    if not head.is_known:
        return too_little(head, undefined, rule)
    estimate, low, high = head.known()
    told = sentence.format(estimate=estimate, low=low, high=high, n=n)
    return Finding(tuple(figures), grade(head), rule, told, detail or {})
