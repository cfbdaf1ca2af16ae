"""How long from a key press to the next question painted, and how many bytes is a cold page?

    .venv/bin/python benchmarks/judging_page.py [--answers 150] [--latency 0 100 300] [--think 0.4]

Starts a throwaway PostgreSQL and gunicorn as in production (hashed, compressed files), fills a
project with questions of two Markdown responses, and lets a real Chromium press the keys 1 to 7.
Painted means: the new heading is in the page and two animation frames have passed. Bytes are what
Chromium received, headers included, with an empty cache. Between two answers a person thinks for
`--think` seconds; meanwhile the page fetches what comes next. For each `--latency` (added by
Chromium to every request, in ms) it is measured once so and once with the script that fetches ahead
left out, so that each question comes with the reply to the answer before. The empty round trip says
how busy the machine was: compare the two.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.surroundings import chromium, gunicorn, own_folder, postgres  # noqa: E402

PARAGRAPH = (
    "Talk to them **first**, on a calm afternoon, and say what you hear and when. Most people "
    "don't know, because it happens while they are out. If that doesn't help, keep a short log: "
    "dates, times, how long. "
)
RESPONSE = f"{PARAGRAPH * 2}\n\n1. Talk\n2. Write\n3. Mediate\n\n{PARAGRAPH}\n\n`log.txt` helps.\n"

SLOW = {"offline": False, "downloadThroughput": -1, "uploadThroughput": -1}
PRESS = """
key => new Promise(resolve => {
  const before = document.getElementById('task');
  const began = performance.now();
  const painted = () => requestAnimationFrame(() => requestAnimationFrame(
    () => resolve(performance.now() - began)));
  new MutationObserver((_, watcher) => {
    if (document.getElementById('task') === before) return;
    watcher.disconnect();
    painted();
  }).observe(document.body, {childList: true});
  document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
})
"""

ROUND_TRIP = """
async () => {
  const began = performance.now();
  await (await fetch('/healthz')).text();
  await new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  return performance.now() - began;
}
"""


@contextmanager
def served() -> Iterator[str]:
    """PostgreSQL, a migrated database, collected files and gunicorn: where the pages are."""
    with own_folder() as home, postgres(home) as cluster:
        var = home / "var"
        var.mkdir()
        os.environ |= {
            "DATABASE_URL": cluster.url(),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DJANGO_ALLOW_ASYNC_UNSAFE": "true",  # playwright's loop lives in this thread
            "POLYPHONY_VAR_DIR": str(var),
            "POLYPHONY_HASHED_STATIC": "1",
            "SECRET_KEY": "benchmark",
        }
        for command in ("migrate", "collectstatic"):
            manage(command, "--no-input", "-v", "0")
        with gunicorn(home, workers=2, threads=8) as (_, port):
            yield f"http://127.0.0.1:{port}"


def manage(*arguments: str) -> None:
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, check=True)


def fill(questions: int) -> dict[str, str]:
    """A project with one annotator; the cookie that logs them in."""
    import django

    django.setup()
    from django.test import Client

    from annotation.intake.importing import import_rows
    from annotation.models import Membership, Project, ProjectState, Role, User

    project = Project.objects.create(slug="bench", name="Bench", state=ProjectState.OPEN)
    user = User.objects.create_user("ada")
    Membership.objects.create(user=user, project=project, role=Role.ANNOTATOR)
    rows = (
        {
            "prompt_text": f"My neighbour's dog barks all night, number {number}. What now?",
            "response_a": f"{RESPONSE}\nFirst {number}.",
            "response_b": f"{RESPONSE}\nSecond {number}.",
        }
        for number in range(questions)
    )
    import_rows(project, "pairs", rows)
    client = Client()
    client.force_login(user)
    return {"name": "polyphony_session", "value": client.cookies["polyphony_session"].value}


def report(what: str, values: list[float], unit: str) -> None:
    cuts = statistics.quantiles(values, n=100)
    print(
        f"{what}: p50 {statistics.median(values):.0f} {unit}, p95 {cuts[94]:.0f}, "
        f"max {max(values):.0f} (n={len(values)})"
    )


def measure(
    base: str, cookie: dict[str, str], answers: int, latency: int, ahead: bool, think: float
) -> None:
    with chromium() as browser:
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        context.add_cookies([{"name": cookie["name"], "value": cookie["value"], "url": base}])
        page = context.new_page()
        if not ahead:
            page.route("**/judge_ahead*.js", lambda route: route.abort())
        session = context.new_cdp_session(page)
        received = Received(session)
        began = time.perf_counter()
        page.goto(f"{base}/projects/bench/judge/", wait_until="networkidle")
        usable = page.evaluate("performance.getEntriesByType('navigation')[0].domInteractive")
        print(f"cold page: {received.total / 1000:.1f} kB, interactive after {usable:.0f} ms")
        for name, size in sorted(received.by_name.items(), key=lambda item: -item[1]):
            print(f"    {size / 1000:6.1f} kB  {name}")
        session.send("Network.emulateNetworkConditions", SLOW | {"latency": latency})
        times, sizes = [], []
        for number in range(answers):
            page.wait_for_timeout(think * 1000)
            before = received.total
            times.append(float(page.evaluate(PRESS, str(1 + number % 7))))
            page.wait_for_timeout(think * 500)
            sizes.append((received.total - before) / 1000)
        trips = [float(page.evaluate(ROUND_TRIP)) for _ in range(answers)]
        report("for comparison, an empty round trip painted", trips, "ms")
        report("key press to next question painted", times, "ms")
        report("received per next question", sizes, "kB")
        print(f"{answers} answers in {time.perf_counter() - began:.1f} s")


class Received:
    """Bytes that came over the wire, as Chromium counted them."""

    def __init__(self, session: Any) -> None:
        self.total = 0
        self.by_name: dict[str, int] = {}
        self._names: dict[str, str] = {}
        session.on("Network.responseReceived", self._named)
        session.on("Network.loadingFinished", self._finished)
        session.send("Network.enable")

    def _named(self, event: dict[str, Any]) -> None:
        self._names[event["requestId"]] = event["response"]["url"].rpartition("/")[2] or "page"

    def _finished(self, event: dict[str, Any]) -> None:
        size = int(event["encodedDataLength"])
        self.total += size
        name = self._names.get(event["requestId"], "?")
        self.by_name[name] = self.by_name.get(name, 0) + size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=150)
    parser.add_argument("--latency", type=int, nargs="+", default=[0])
    parser.add_argument("--think", type=float, default=0.4)
    options = parser.parse_args()
    runs = [(latency, ahead) for latency in options.latency for ahead in (True, False)]
    print(f"{platform.platform()}, {os.cpu_count()} processors, Python {platform.python_version()}")
    with served() as base:
        cookie = fill((options.answers + 40) * len(runs))
        for latency, ahead in runs:
            way = "fetched ahead" if ahead else "with the reply"
            print(f"--- {latency} ms latency, the next question {way}")
            measure(base, cookie, options.answers, latency, ahead, options.think)


if __name__ == "__main__":
    main()
