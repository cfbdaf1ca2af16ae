"""The one shape every method answers in, readable and writable as JSON without loss."""

import hashlib
import json
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from aggregation.comparing import MethodComparison, compare
from aggregation.links import Link
from aggregation.warning_codes import SENTENCES, ResultWarning, WarningCode

__all__ = [
    "SENTENCES",
    "AggregateResult",
    "AnnotatorQuality",
    "Fit",
    "MethodComparison",
    "ResultWarning",
    "WarningCode",
    "compare",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ScoreKind = Literal["logit", "probit", "elo", "points", "share", "probability", "utility", "order"]
CiMethod = Literal["none", "hessian", "sandwich", "cluster", "bootstrap", "posterior"]


@dataclass(frozen=True)
class Fit:
    """How a model was fitted. Undefined numbers are NaN."""

    loglik: float = float("nan")
    penalised: float = float("nan")
    n_obs: int = 0
    n_par: int = 0
    iters: int = 0
    converged: bool = True
    grad_inf: float = float("nan")
    n_components: int = 1
    separated: tuple[int, ...] = ()
    boundary_params: tuple[str, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    quasi: bool = False


@dataclass(frozen=True, eq=False)
class AnnotatorQuality:
    """Per annotator j: ability, its standard error, bias, number of judgments n, and confusion [J,
    C, C].
    """

    ids: tuple[Hashable, ...]
    ability: Floats
    n: Ints
    se: Floats | None = None
    bias: Floats | None = None
    confusion: Floats | None = None
    ability_kind: str = ""


class OnDemand:
    """A text of a frozen dataclass that may be given as what computes it: that is asked once, when
    the text is first read.
    """

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self.name = name

    def __get__(self, instance: object | None, owner: type[Any] | None = None) -> str:
        if instance is None:
            return ""  # what a dataclass takes for the default
        value = vars(instance)[self.name]
        if callable(value):
            value = vars(instance)[self.name] = value()
        return str(value)

    def __set__(self, instance: object, value: str | Callable[[], str]) -> None:
        vars(instance)[self.name] = value


@dataclass(frozen=True, eq=False)
class AggregateResult:
    """K items with scores, uncertainty and ranks, plus whatever else the family of the method
    yields.

    score       float64[K], NaN where undefined; higher is better
    rank        int64[K], competition rank (ties share the best) within the connected part; 0 =
                undefined
    rank_lo/hi  int64[K], best and worst rank at `level`
    component   int64[K], connected part, -1 = no judgment
    tiers       indices of equally scored items, best first; empty when the items are not comparable
    winners     indices; more than one = unresolved tie (for slates: every item of a winning slate)
    lottery     float64[K], probabilities of a randomised rule
    committees  winning slates as indices; several tie, or are drawn with `committee_probs`
    axioms      what was proved about the result, by name: {"holds": bool, "witness": ...}
    p_best      float64[K], share of replicates in which the item is best (for slates: has a seat)
    posterior   float64[U, C] and label int64[U] (-1 undecided) over `classes`, for rules on labels;
                ids are units
    replicates  float64[B, K], bootstrap scores, the same draws for every method on a table
    input_digest  SHA-256 of what was read, computed when it is first asked for: the columns of a
                table don't change
    """

    method: str
    ids: tuple[Hashable, ...]
    score: Floats
    score_kind: ScoreKind
    params: dict[str, Any] = field(default_factory=dict)
    version: str = "1"
    seed: int | None = None
    elapsed_s: float = 0.0
    input_digest: OnDemand = OnDemand()
    conversions: tuple[str, ...] = ()
    se: Floats | None = None
    cov: Floats | None = None
    lo: Floats | None = None
    hi: Floats | None = None
    level: float = 0.95
    ci_method: CiMethod = "none"
    rank: Ints | None = None
    rank_lo: Ints | None = None
    rank_hi: Ints | None = None
    component: Ints | None = None
    tiers: tuple[tuple[int, ...], ...] = ()
    winners: tuple[int, ...] = ()
    tie_break: dict[str, Any] | None = None
    p_best: Floats | None = None
    lottery: Floats | None = None
    committees: tuple[tuple[int, ...], ...] = ()
    committee_probs: tuple[float, ...] = ()
    axioms: dict[str, Any] = field(default_factory=dict)
    classes: tuple[Hashable, ...] = ()
    posterior: Floats | None = None
    label: Ints | None = None
    annotators: AnnotatorQuality | None = None
    link: Link | None = None
    replicates: Floats | None = None
    fit: Fit = field(default_factory=Fit)
    warnings: tuple[ResultWarning, ...] = ()

    @property
    def codes(self) -> frozenset[WarningCode]:
        return frozenset(warning.code for warning in self.warnings)

    def prob(self, a: Any, b: Any) -> Floats:
        """P(a wins), P(tie), P(b wins) as float64[..., 3] for item indices; NaN rows for methods
        without a model.
        """
        left, right = np.broadcast_arrays(
            np.asarray(a, dtype=np.int64), np.asarray(b, dtype=np.int64)
        )
        if self.link is None:
            return np.full((*left.shape, 3), np.nan)
        return self.link.outcome_probabilities(left, right)

    def difference(self, a: int, b: int) -> tuple[float, float]:
        """score[a] - score[b] and its standard error sqrt(C_aa + C_bb - 2 C_ab) (from replicates
        where given).
        """
        gap = float(self.score[a] - self.score[b])
        if self.replicates is not None:
            return gap, float(np.nanstd(self.replicates[:, a] - self.replicates[:, b], ddof=1))
        if self.cov is None:
            return gap, float("nan")
        return gap, float(np.sqrt(max(self.cov[a, a] + self.cov[b, b] - 2 * self.cov[a, b], 0.0)))

    def to_dict(self, timing: bool = True) -> dict[str, Any]:
        """Plain data: NaN becomes None, infinities the strings "inf" and "-inf"."""
        plain = {f.name: _plain(getattr(self, f.name)) for f in fields(self)}
        if not timing:
            del plain["elapsed_s"]
        return plain

    def to_json(self, timing: bool = True) -> str:
        """Canonical JSON (sorted keys, shortest round-trip numbers): the same result gives the same
        bytes.
        """
        return json.dumps(
            self.to_dict(timing), sort_keys=True, ensure_ascii=False, separators=(",", ":")
        )

    def digest(self) -> str:
        """SHA-256 of the result without its running time: equal for two runs on the same input and
        seed.
        """
        return hashlib.sha256(self.to_json(timing=False).encode()).hexdigest()

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Inverse of `to_json`: `from_json(s).to_json() == s`."""
        return cls.from_dict(json.loads(text))

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Self:
        known = {f.name for f in fields(cls)}
        values: dict[str, Any] = {name: value for name, value in plain.items() if name in known}
        for name in ("score", "se", "lo", "hi", "p_best", "lottery"):
            values[name] = _floats(values.get(name))
        for name in ("cov", "posterior", "replicates"):
            values[name] = _floats(values.get(name), 2)
        for name in ("rank", "rank_lo", "rank_hi", "component", "label"):
            values[name] = (
                None if values.get(name) is None else np.asarray(values[name], dtype=np.int64)
            )
        for name in (
            "ids",
            "classes",
            "tiers",
            "winners",
            "committees",
            "committee_probs",
            "conversions",
        ):
            values[name] = _tuples(values.get(name) or ())
        values["annotators"] = _annotators(values.get("annotators"))
        values["link"] = None if values.get("link") is None else Link.from_plain(values["link"])
        values["fit"] = _fit(values.get("fit") or {})
        values["warnings"] = tuple(
            ResultWarning(WarningCode(w["code"]), w["detail"], tuple(w["items"]))
            for w in values.get("warnings", ())
        )
        return cls(**values)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return _plain_float(value)
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, np.ndarray):
        return _plain_array(value)
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if isinstance(value, Link):
        return value.to_plain(_plain)
    return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}


def _plain_array(value: NDArray[Any]) -> Any:
    if value.dtype.kind != "f":
        return value.tolist()
    if np.isfinite(value).all():
        return value.tolist()
    return (
        [_plain(v) for v in value] if value.ndim > 1 else [_plain_float(v) for v in value.tolist()]
    )


def _plain_float(value: float) -> float | str | None:
    if value != value:
        return None
    return value if np.isfinite(value) else ("inf" if value > 0 else "-inf")


def _floats(value: Any, ndim: int = 1) -> Floats | None:
    if value is None:
        return None
    array = np.array(_numbers(value), dtype=np.float64)
    return array.reshape(len(value), -1) if ndim == 2 and array.ndim != 2 else array


def _numbers(value: Any) -> Any:
    if isinstance(value, list):
        return [_numbers(v) for v in value]
    return float("nan") if value is None else float(value)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list | tuple) else value


def _annotators(plain: dict[str, Any] | None) -> AnnotatorQuality | None:
    if plain is None:
        return None
    confusion = plain["confusion"]
    return AnnotatorQuality(
        ids=_tuples(plain["ids"]),
        ability=np.array(_numbers(plain["ability"]), dtype=np.float64),
        n=np.array(plain["n"], dtype=np.int64),
        se=_floats(plain["se"]),
        bias=_floats(plain["bias"]),
        confusion=None if confusion is None else np.array(_numbers(confusion), dtype=np.float64),
        ability_kind=plain["ability_kind"],
    )


def _fit(plain: dict[str, Any]) -> Fit:
    values = dict(plain)
    for name in ("loglik", "penalised", "grad_inf"):
        if name in values:
            values[name] = _numbers(values[name])
    for name in ("separated", "boundary_params"):
        values[name] = tuple(values.get(name, ()))
    return Fit(**values)
