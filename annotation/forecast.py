"""When a collection will be finished if people go on as lately. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, sqrt

from annotation.phrases import say

LOOK_BACK = 14  # complete days
FEWEST_DAYS = 3
# Quantiles of Student's t at 90 %, by degrees of freedom: an 80 % interval.
T = (3.078, 1.886, 1.638, 1.533, 1.476, 1.440, 1.415, 1.397, 1.383, 1.372, 1.363, 1.356, 1.350)


@dataclass(frozen=True, slots=True)
class Forecast:
    """The day on which `remaining` judgments will have come, with an 80 % interval.

    It supposes that each coming day is like the last `days` complete ones, of `rate` judgments on
    average [`slow`, `fast`]. `latest` is None where so slow a pace can't be told from standing
    still. With nothing remaining, all days are today.
    """

    remaining: int
    rate: float
    slow: float
    fast: float
    days: int
    expected: date
    earliest: date
    latest: date | None


def forecast(counts: Sequence[int], *, remaining: int, today: date) -> Forecast | str:
    """The forecast from judgments per day, oldest first, today left out; or why there is none.

    Days before the first judgment don't count. The interval is that of the mean of the daily
    counts, by Student's t.
    """
    lately = list(counts[-LOOK_BACK:])
    while lately and lately[0] == 0:
        lately.pop(0)
    n = len(lately)
    if remaining == 0:
        return Forecast(0, 0.0, 0.0, 0.0, n, today, today, today)
    if n < FEWEST_DAYS:
        return say(
            "not enough data, a forecast needs %(days)s complete days, there are %(n)s",
            days=FEWEST_DAYS,
            n=n,
        )
    rate = sum(lately) / n
    spread = sqrt(sum((count - rate) ** 2 for count in lately) / (n - 1))
    reach = T[n - 2] * spread / sqrt(n)
    slow, fast = max(0.0, rate - reach), rate + reach
    return Forecast(
        remaining=remaining,
        rate=rate,
        slow=slow,
        fast=fast,
        days=n,
        expected=_after(today, remaining / rate),
        earliest=_after(today, remaining / fast),
        latest=_after(today, remaining / slow) if slow > 0 and remaining / slow < 3650 else None,
    )


def _after(today: date, days: float) -> date:
    return today + timedelta(days=min(ceil(days), 36_500))
