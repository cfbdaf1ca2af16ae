"""What do jobs cost beyond their model? Claims per second, and the overhead of a generation job.

    .venv/bin/python benchmarks/jobs.py [--rows 100000] [--texts 2000]

Starts a throwaway PostgreSQL. Claims: two worker processes take every row of a job, 1, 16 and 64
at a time; no row may be taken twice. Overhead: the scripted engine with a fixed latency and 16
requests in flight, against the time these requests take at best (texts × latency / in flight). The
work of rendering each text is in the overhead, as it is in a real job.
"""

import argparse
import multiprocessing
import os
import platform
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.surroundings import own_folder, postgres  # noqa: E402

LATENCY_MS = 50
IN_FLIGHT = 16
WORKERS = 2
PROMPTS = 100
CLAIM_AIM = 5_000  # rows/s at 16 a claim
OVERHEAD_AIM = 5.0  # percent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--texts", type=int, default=2_000)
    options = parser.parse_args()
    with own_folder() as home, postgres(home) as cluster:
        os.environ |= {
            "DATABASE_URL": cluster.url(),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "POLYPHONY_VAR_DIR": str(home / "var"),
            "CELERY_BROKER_URL": "memory://",
            "POLYPHONY_LOG_LEVEL": "WARNING",
        }
        measure(options)


def measure(options: argparse.Namespace) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load}\n")
    project = make_project()
    for at_once in (1, 16, 64):
        measure_claims(project, options.rows, at_once)
    measure_overhead(project, options.texts)


def make_project() -> Any:
    from annotation.content import add_prompt
    from annotation.models import Project

    project = Project.objects.create(slug="bench", name="Benchmark", is_simulated=True)
    for number in range(PROMPTS):
        add_prompt(project=project, messages=f"Question {number}?", external_id=str(number))
    return project


def checkpoint(project: Any, name: str, **settings: Any) -> Any:
    from models_runtime.checkpoints import register

    return register(project=project, name=name, engine="scripted", model=name, options=settings)


def take_all(job_id: int, at_once: int, start: Any, taken: Any) -> None:
    """A worker process: claim until nothing is left, then tell which rows."""
    import django

    django.setup()
    from django.db import connection

    from models_runtime.models import GenerationItem

    connection.ensure_connection()
    worker, mine = f"w{os.getpid()}", []
    start.wait()
    began = time.perf_counter()
    while items := GenerationItem.objects.claim(
        job_id, worker=worker, count=at_once, lease=timedelta(minutes=30)
    ):
        mine.extend(item.pk for item in items)
    taken.put((mine, time.perf_counter() - began))


def claim_everything(job_id: int, at_once: int) -> tuple[list[list[int]], float]:
    """The rows that each of the workers took, and the seconds of the one that took longest."""
    spawn = multiprocessing.get_context("spawn")
    start, taken = spawn.Barrier(WORKERS), spawn.Queue()
    workers = [
        spawn.Process(target=take_all, args=(job_id, at_once, start, taken), daemon=True)
        for _ in range(WORKERS)
    ]
    for worker in workers:
        worker.start()
    told = [taken.get() for _ in workers]
    for worker in workers:
        worker.join()
    return [rows for rows, _ in told], max(seconds for _, seconds in told)


def measure_claims(project: Any, rows: int, at_once: int) -> None:
    from models_runtime import enqueue

    per_prompt = max(1, min(1000, rows // PROMPTS))
    job = enqueue.request_generation(
        project, checkpoint(project, f"claims-{at_once}"), per_prompt=per_prompt
    )
    claimed, seconds = claim_everything(job.pk, at_once)
    everything = [pk for mine in claimed for pk in mine]
    twice = len(everything) - len(set(everything))
    rate = len(everything) / seconds
    print(
        f"claims of {at_once:3} by {WORKERS} workers: {len(everything):,} rows "
        f"({' + '.join(f'{len(mine):,}' for mine in claimed)}), {rate:,.0f} rows/s, "
        f"{twice} taken twice"
        + (f" (aim {CLAIM_AIM:,}: {verdict(rate >= CLAIM_AIM)})" if at_once == 16 else "")
    )


def verdict(reached: bool) -> str:
    return "reached" if reached else "missed"


def measure_overhead(project: Any, texts: int) -> None:
    from models_runtime import enqueue
    from models_runtime.engines import Sampling
    from models_runtime.generating import run_generation
    from models_runtime.models import Generation

    slow = checkpoint(project, "slow", latency_ms=LATENCY_MS, in_flight=IN_FLIGHT)
    job = enqueue.request_generation(
        project, slow, per_prompt=max(1, texts // PROMPTS), sampling=Sampling(max_tokens=60)
    )
    began = time.perf_counter()
    run_generation(job.pk, length=timedelta(hours=1))
    wall = time.perf_counter() - began
    made = Generation.objects.filter(job=job).count()
    best = made * LATENCY_MS / 1000 / IN_FLIGHT
    overhead = 100 * (wall / best - 1)
    print(
        f"{made:,} texts at {LATENCY_MS} ms, {IN_FLIGHT} in flight: {wall:.2f} s, at best "
        f"{best:.2f} s: {overhead:.1f} % overhead "
        f"(aim {OVERHEAD_AIM:g}: {verdict(overhead <= OVERHEAD_AIM)})"
    )


if __name__ == "__main__":
    main()
