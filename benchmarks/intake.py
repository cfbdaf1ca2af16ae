"""How fast and how small is an import? A million judgments, and texts that must be rendered.

    .venv/bin/python benchmarks/intake.py [--rows 1000000] [--texts 2000] [--formats csv parquet]

Starts a throwaway PostgreSQL, writes files with a fixed seed, imports each in a process of its own
and prints rows per second, the time of each stage, and the importing process's peak memory (the
server's own memory is not in it). Twice the rows should take about twice the time and the same
memory.
"""

import argparse
import csv
import gzip
import json
import os
import platform
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.surroundings import own_folder, postgres  # noqa: E402

SEED = 20_26
QUESTIONS_PER_PROMPT = 10
JUDGMENTS_PER_QUESTION = 5
ANNOTATORS = 5_000
WINNERS = ("a", "b", "tie", "both_bad")
WORDS = "rain the umbrella of a walk in which sun **bold** `code` and we stay home".split()  # noqa: SIM905


def pair_rows(questions: int) -> Iterator[dict[str, Any]]:
    rng = random.Random(SEED)
    for number in range(questions):
        prompt = number // QUESTIONS_PER_PROMPT
        first, second = rng.sample(range(8), 2)
        yield {
            "pair_id": f"q{number}",
            "prompt_id": f"p{prompt}",
            "prompt_text": f"What about case {prompt}?",
            "response_a": f"Answer {first} to case {prompt}.",
            "system_a": f"system-{first}",
            "response_b": f"Answer {second} to case {prompt}.",
            "system_b": f"system-{second}",
        }


def judgment_rows(rows: int) -> Iterator[dict[str, Any]]:
    rng = random.Random(SEED)
    for number in range(rows):
        question, turn = divmod(number, JUDGMENTS_PER_QUESTION)
        yield {
            "question_id": f"q{question}",
            "annotator": f"w{(question * 7 + turn) % ANNOTATORS}",
            "winner": rng.choice(WINNERS),
            "reason": "It says so plainly." if rng.random() < 0.1 else "",
            "confidence": round(rng.random(), 2),
            "judged_at": f"2026-0{rng.randint(1, 9)}-11T10:{rng.randint(10, 59)}:00Z",
        }


def candidate_rows(texts: int) -> Iterator[dict[str, Any]]:
    """Responses of about 1,500 characters with lists, code and tables: dense Markdown."""
    rng = random.Random(SEED)
    for number in range(texts):
        prose = " ".join(rng.choices(WORDS, k=120))
        items = "\n".join(f"- {' '.join(rng.choices(WORDS, k=8))}" for _ in range(8))
        code = "```python\nfor case in cases:\n    print(case ** 2)\n```"
        table = "| a | b |\n|---|---|\n" + "\n".join(f"| {i} | $x^{i}$ |" for i in range(6))
        yield {
            "prompt_id": f"t{number // 4}",
            "prompt_text": f"Tell me about text {number // 4}.",
            "response": f"# Text {number}\n\n{prose}\n\n{items}\n\n{code}\n\n{table}",
            "system": f"system-{number % 4}",
        }


def write(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    if path.suffix == ".parquet":
        _write_parquet(path, rows)
        return
    opener: Any = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wt", encoding="utf-8", newline="") as file:
        if ".csv" in path.suffixes:
            first = next(rows)
            writer = csv.DictWriter(file, list(first))
            writer.writeheader()
            writer.writerow(first)
            writer.writerows(rows)
        else:
            file.writelines(json.dumps(row) + "\n" for row in rows)


def _write_parquet(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    writer = None
    batch: list[dict[str, Any]] = []
    for row in (*rows, None):
        if row is not None:
            batch.append(row)
        if batch and (row is None or len(batch) == 50_000):
            table = pyarrow.Table.from_pylist(batch)
            writer = writer or ParquetWriter(path, table.schema)
            writer.write_table(table)
            batch = []
    assert writer is not None
    writer.close()


def import_one(path: str, kind: str, slug: str) -> None:
    """In the child: import and print what it took as a line of JSON."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from annotation.intake.importing import run_import
    from annotation.intake.reports import Progress
    from annotation.models import Project

    project, _ = Project.objects.get_or_create(slug=slug, name=slug)
    baseline = _peak()
    stages: dict[str, float] = {}
    last = time.monotonic()

    def tell(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        stages[progress.stage] = stages.get(progress.stage, 0.0) + now - last
        last = now

    report = run_import(project, path, kind, progress=tell)
    told = {
        "rows": report.rows,
        "seconds": round(report.seconds, 1),
        "rows_per_second": round(report.rows / report.seconds),
        "peak_mb": round(_peak()),
        "before_mb": round(baseline),
        "stages": {name: round(seconds, 1) for name, seconds in stages.items()},
        "created": report.created,
    }
    print(json.dumps(told), flush=True)


def _peak() -> float:
    """Megabytes. `ru_maxrss` would begin with the parent's peak, which a child inherits."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run_child(path: Path, kind: str, slug: str, environment: dict[str, str]) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", str(path), kind, slug]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"The import of {path.name} failed.")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--texts", type=int, default=2_000)
    parser.add_argument("--formats", nargs="+", default=["csv"], help="csv csv.gz jsonl parquet …")
    parser.add_argument("--child", nargs=3, metavar=("PATH", "KIND", "SLUG"))
    options = parser.parse_args()
    if options.child:
        import_one(*options.child)
        return
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors, {platform.machine()}")
    with own_folder() as home, postgres(home) as cluster:
        measure(home, cluster.url(), options)


def measure(home: Path, database: str, options: argparse.Namespace) -> None:
    environment = {**os.environ, "DATABASE_URL": database, "POLYPHONY_VAR_DIR": str(home)}
    manage = [sys.executable, str(ROOT / "manage.py"), "migrate", "-v0"]
    subprocess.run(manage, env=environment, check=True)
    questions = -(-options.rows // JUDGMENTS_PER_QUESTION)
    pairs = home / "pairs.csv"
    write(pairs, pair_rows(questions))
    for form in options.formats:
        slug = f"million-{form.replace('.', '-')}"
        show(f"{questions:,} pairs, csv", run_child(pairs, "pairs", slug, environment))
        judgments = home / f"judgments.{form}"
        write(judgments, judgment_rows(options.rows))
        size = judgments.stat().st_size / 1e6
        name = f"{options.rows:,} judgments, {form}, {size:.0f} MB"
        show(name, run_child(judgments, "judgments", slug, environment))
        show("the same again", run_child(judgments, "judgments", slug, environment))
        judgments.unlink()
    if options.texts:
        texts = home / "candidates.jsonl"
        write(texts, candidate_rows(options.texts))
        name = f"{options.texts:,} candidates of dense Markdown, jsonl"
        show(name, run_child(texts, "candidates", "texts", environment))


def show(name: str, told: dict[str, Any]) -> None:
    stages = ", ".join(f"{stage} {seconds} s" for stage, seconds in told["stages"].items())
    print(
        f"{name}: {told['seconds']} s, {told['rows_per_second']:,} rows/s, "
        f"peak {told['peak_mb']} MB (before: {told['before_mb']} MB); {stages}",
        flush=True,
    )


if __name__ == "__main__":
    main()
