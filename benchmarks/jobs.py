"""What do jobs cost beyond their model? Claims per second, and the overhead of a generation job.

    .venv/bin/python benchmarks/jobs.py [--rows 100000] [--texts 2000]

Starts a throwaway PostgreSQL. Claims: four threads take every row of a job, 16 and 64 at a time;
no row may be taken twice. Overhead: the scripted engine with a fixed latency and 16 requests in
flight, against the time these requests take at best (texts × latency / in flight). The work of
rendering each text is in the overhead, as it is in a real job.
"""

import argparse
import os
import platform
import shutil
import sys
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from config.embedded import Cluster  # noqa: E402

LATENCY_MS = 50
IN_FLIGHT = 16
THREADS = 4
PROMPTS = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--texts", type=int, default=2_000)
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="polyphony-bench-"))
    home.chmod(0o755)  # PostgreSQL may run as another user
    cluster = Cluster.throwaway(home / "cluster")
    cluster.start()
    os.environ |= {
        "DATABASE_URL": cluster.url(),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "POLYPHONY_VAR_DIR": str(home / "var"),
        "CELERY_BROKER_URL": "memory://",
        "POLYPHONY_LOG_LEVEL": "WARNING",
    }
    try:
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        load = " ".join(f"{value:.1f}" for value in os.getloadavg())
        print(f"{platform.machine()}, {os.cpu_count()} cores, load {load}\n")
        project = make_project()
        for at_once in (16, 64):
            measure_claims(project, options.rows, at_once)
        measure_overhead(project, options.texts)
    finally:
        from django.db import connections

        connections.close_all()
        cluster.destroy()
        shutil.rmtree(home, ignore_errors=True)


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


def measure_claims(project: Any, rows: int, at_once: int) -> None:
    from django.db import connection

    from models_runtime import enqueue
    from models_runtime.models import GenerationItem

    per_prompt = max(1, min(1000, rows // PROMPTS))
    job = enqueue.request_generation(
        project, checkpoint(project, f"claims-{at_once}"), per_prompt=per_prompt
    )
    claimed: list[list[int]] = [[] for _ in range(THREADS)]

    def take_all(mine: list[int], worker: str) -> None:
        try:
            while items := GenerationItem.objects.claim(
                job.pk, worker=worker, count=at_once, lease=timedelta(minutes=5)
            ):
                mine.extend(item.pk for item in items)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=take_all, args=(mine, f"w{place}"))
        for place, mine in enumerate(claimed)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    everything = [pk for mine in claimed for pk in mine]
    twice = len(everything) - len(set(everything))
    print(
        f"claims of {at_once:3} by {THREADS} threads: {len(everything):,} rows, "
        f"{len(everything) / seconds:,.0f} rows/s, {twice} taken twice"
    )


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
    print(
        f"{made:,} texts at {LATENCY_MS} ms, {IN_FLIGHT} in flight: {wall:.2f} s, at best "
        f"{best:.2f} s: {100 * (wall / best - 1):.1f} % overhead"
    )


if __name__ == "__main__":
    main()
