"""A share with the number it rests on and its interval. Pure."""

from dataclasses import dataclass
from math import sqrt

Z = 1.959963984540054  # 95 %, both sides


@dataclass(frozen=True, slots=True)
class Share:
    """`value` of `n`, with the 95 % Wilson score interval [`low`, `high`]."""

    value: float
    n: int
    low: float
    high: float


def share(agreeing: float, n: int) -> Share | None:
    """The share `agreeing / n`, None without any; `agreeing` may be a sum of shares of 0 to 1.

    Wilson (1927): the interval stays within 0 and 1 and doesn't collapse at either. For sums of
    shares, each worth one trial, it is on the wide side. Raises ValueError unless 0 ≤ agreeing ≤ n.
    """
    if not 0 <= agreeing <= n:
        raise ValueError(f"{agreeing} of {n} is no share.")
    if n == 0:
        return None
    p = agreeing / n
    middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    reach = Z / (1 + Z * Z / n) * sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    return Share(p, n, max(0.0, middle - reach), min(1.0, middle + reach))
