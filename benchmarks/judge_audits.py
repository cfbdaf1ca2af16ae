"""Do the audits of judges find what was planted, and let clean judges pass?

    .venv/bin/python benchmarks/judge_audits.py [--seeds 100] [--pairs 150] [--only position]

Every seed has its own pairs, people and noise. `Recovered` counts seeds in which the planted value
lies inside the audit's 98 % interval: about 98 of 100 are right, 93 are asked for. `Clean passes`
counts seeds in which a judge without the bias passes, `Caught` those in which the planted judge
doesn't pass. The true values follow from the scripted engine's formula, not from the audits.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--pairs", type=int, default=150)
    parser.add_argument("--only", action="append", help="an audit's slug; may be repeated")
    options = parser.parse_args()
    from models_runtime.audits import Grade
    from tests.models_runtime import planted_rankings, planted_scores
    from tests.models_runtime.planted import CASES, examined, figure_of, recovered

    print(f"{options.seeds} seeds from {options.first}, {options.pairs} pairs each\n")
    print(
        f"{'Audit':<26}{'Figure':<19}{'Planted':>9}{'Mean found':>12}{'Recovered':>11}"
        f"{'Caught':>8}{'Clean passes':>14}{'Seconds':>9}"
    )
    seeds = range(options.first, options.first + options.seeds)
    kinds: tuple[tuple[Any, Any], ...] = (
        (CASES, examined),
        (planted_scores.SCORE_CASES, planted_scores.examined),
        (planted_rankings.RANKING_CASES, planted_rankings.examined),
    )
    for cases, examine in kinds:
        for case in cases:
            if options.only and case.slug not in options.only:
                continue
            began = time.monotonic()
            findings = [examine(case, seed, options.pairs) for seed in seeds]
            inside = sum(recovered(case, each) for each in findings)
            caught = sum(each.grade is not Grade.PASS for each in findings)
            clean = sum(
                examine(case, seed, options.pairs, clean=True).grade is Grade.PASS for seed in seeds
            )
            means = [abs(figure_of(case, each).known()[0]) for each in findings]
            print(
                f"{case.slug:<26}{case.figure:<19}{case.truth():>9.4f}"
                f"{sum(means) / len(means):>12.4f}{inside:>11}{caught:>8}{clean:>14}"
                f"{time.monotonic() - began:>9.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
