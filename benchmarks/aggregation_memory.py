"""How much memory aggregation takes, each case in a process of its own so that its peak is its own.

    python -m benchmarks.aggregation_memory [--quick]

"Over the columns" is the peak above what the process held when the columns were ready, as a
multiple of the columns. Linux only: it reads and resets the peak in /proc.
"""

import json
import subprocess
import sys

from benchmarks.surroundings import ended_by_signals

PRELUDE = """
import json
from pathlib import Path
import numpy as np
from aggregation.catalogue import METHODS
from aggregation.tables import Comparisons, Labels
from benchmarks.aggregation import votes
def memory(field):
    (line,) = [x for x in Path("/proc/self/status").read_text().splitlines() if field in x]
    return int(line.split()[1]) / 1024
def now():
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of making the columns
    return memory("VmRSS")
n = {n}
rng = np.random.default_rng(0)
"""
REPORT = """
print(json.dumps({"rows": len(table), "columns": columns / 2**20, "before": before,
                  "peak": memory("VmHWM"), "note": note}))
"""
LABELS = """
units = n // 5
unit = np.repeat(np.arange(units, dtype=np.int32), 5)
annotator = rng.integers(0, 1000, n, dtype=np.int32)
label = ((unit + (rng.random(n, dtype=np.float32) < 0.3)) % 3).astype(np.int32)
columns, before = unit.nbytes + annotator.nbytes + label.nbytes, now()
table = Labels.from_arrays(unit, annotator, label)
result = METHODS["dawid_skene"].fit(table)
note = f"{result.fit.iters} steps"
"""
PAIRS = """
data = votes(n, {K}, 1000)
columns, before = sum(data[name].nbytes for name in ("a", "b", "y", "annotator")), now()
table = Comparisons.from_arrays(**data)
method = METHODS["bradley_terry"]
result = method.fit(table, method.options(ci="{ci}", replicates={replicates}))
note = ", ".join(str(warning.code.value) for warning in result.warnings) or "no warning"
"""
CASES = {
    "Dawid–Skene": (LABELS, 10**7),
    "Bradley–Terry, 50 items": (PAIRS.format(K=50, ci="none", replicates=0), 10**7),
    "Bradley–Terry over annotators, 1000 items": (
        PAIRS.format(K=1000, ci="cluster", replicates=0),
        10**7,
    ),
    "1000 replicates, 50 items": (PAIRS.format(K=50, ci="none", replicates=1000), 10**5),
}


def main() -> None:
    quick = "--quick" in sys.argv
    with ended_by_signals():
        for name, (script, n) in CASES.items():
            rows = n // 10 if quick and n > 10**5 else n
            source = PRELUDE.format(n=rows) + script + REPORT
            done = subprocess.run([sys.executable, "-c", source], check=True, capture_output=True)
            told = json.loads(done.stdout)
            over = (told["peak"] - told["before"]) / told["columns"]
            print(
                f"{name}: {told['rows']:,} rows, peak {told['peak']:,.0f} MB; columns "
                f"{told['columns']:,.0f} MB, over the columns {over:.1f}x ({told['note']})",
                flush=True,
            )


if __name__ == "__main__":
    main()
