"""Options of methods fitted by expectation–maximisation."""

from dataclasses import dataclass

from aggregation.options import Options, option


@dataclass(frozen=True, kw_only=True)
class EmOptions(Options):
    smoothing: float = option(
        1.0,
        "Smoothing",
        "Weight of the prior belief that annotators are rather right; 0 for none.",
        low=0.0,
    )
    max_iter: int = option(1000, "Iterations", "At most.", low=1)
    tol: float = option(
        1e-8, "Tolerance", "Relative change of the objective at which to stop.", low=0.0
    )
