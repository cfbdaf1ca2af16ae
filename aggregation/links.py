"""From scores to outcome probabilities: what lets probabilistic methods be compared on held-out
judgments.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

Floats = NDArray[np.float64]
Kind = Literal["logistic", "probit", "davidson", "rao_kupper", "cumulative", "matrix", "elo"]


@dataclass(frozen=True, eq=False)
class Link:
    """A rule for P(a wins), P(tie), P(b wins).

    location  float64[K] score on the link's own scale, or float64[K, K] win probabilities for the
              kind "matrix"
    tie       nu (davidson), eta (rao_kupper), tau (cumulative: thresholds, first one separates
              ties)
    sd        float64[K] item standard deviations, for the probit with item variances
    """

    kind: Kind
    location: Floats
    tie: tuple[float, ...] = ()
    sd: Floats | None = field(default=None)

    def outcome_probabilities(self, a: NDArray[Any], b: NDArray[Any]) -> Floats:
        """float64[..., 3]: P(a wins), P(tie), P(b wins)."""
        if self.kind == "matrix":
            win, lose = self.location[a, b], self.location[b, a]
            return np.stack([win, np.clip(1 - win - lose, 0.0, 1.0), lose], axis=-1)
        return _RULES[self.kind](self, self.location[a] - self.location[b], a, b)

    def to_plain(self, plain: Callable[[Any], Any]) -> dict[str, Any]:
        return {name: plain(getattr(self, name)) for name in ("kind", "location", "tie", "sd")}

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> Self:
        def floats(v: Any) -> Any:
            return (
                [floats(x) for x in v]
                if isinstance(v, list)
                else float("nan")
                if v is None
                else float(v)
            )

        sd = values["sd"]
        return cls(
            values["kind"],
            np.array(floats(values["location"]), dtype=np.float64),
            tuple(floats(values["tie"])),
            None if sd is None else np.array(floats(sd), dtype=np.float64),
        )


def _without_ties(win: Floats) -> Floats:
    return np.stack([win, np.where(np.isnan(win), np.nan, 0.0), 1 - win], axis=-1)


def _logistic(link: Link, d: Floats, a: NDArray[Any], b: NDArray[Any]) -> Floats:
    return _without_ties(expit(d))


def _elo(link: Link, d: Floats, a: NDArray[Any], b: NDArray[Any]) -> Floats:
    return _without_ties(expit(d * np.log(10) / 400))


def _probit(link: Link, d: Floats, a: NDArray[Any], b: NDArray[Any]) -> Floats:
    if link.sd is not None:
        d = d / np.sqrt(link.sd[a] ** 2 + link.sd[b] ** 2)
    return _without_ties(ndtr(d))


def _davidson(link: Link, d: Floats, a: NDArray[Any], b: NDArray[Any]) -> Floats:
    up, down = np.exp(d / 2), np.exp(-d / 2)
    total = up + down + link.tie[0]
    return np.stack([up / total, link.tie[0] / total, down / total], axis=-1)


def _cumulative(link: Link, d: Floats, a: NDArray[Any], b: NDArray[Any]) -> Floats:
    tau = link.tie[0]
    win, lose = expit(d - tau), expit(-d - tau)
    return np.stack([win, 1 - win - lose, lose], axis=-1)


def _rao_kupper(link: Link, d: Floats, a: NDArray[Any], b: NDArray[Any]) -> Floats:
    return _cumulative(Link("cumulative", link.location, (float(np.log(link.tie[0])),)), d, a, b)


_RULES: dict[str, Callable[[Link, Floats, NDArray[Any], NDArray[Any]], Floats]] = {
    "logistic": _logistic,
    "elo": _elo,
    "probit": _probit,
    "davidson": _davidson,
    "rao_kupper": _rao_kupper,
    "cumulative": _cumulative,
}
