"""A photograph of every screen of the seeded demo, light and dark, wide and phone.

    .venv/bin/python benchmarks/screens.py /tmp/screens [--axe] [--each 1] [--only NAME]

Starts a throwaway PostgreSQL and a server on it, seeds the demo, logs in as owner, as one of the
annotators and as nobody, and follows every link that leads to another page of this site. Of each
kind of page (its name in the URL configuration) the first `--each` found are photographed. Prints
what is wider than its window, what failed to load, and with `--axe` what axe finds against WCAG 2.2
AA. Looking at them remains for a person.
"""

import argparse
import os
import re
import shutil
import socket
import sys
import tempfile
from collections import Counter, deque
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.judging_page import manage, served  # noqa: E402

LOOKS = [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
LEFT_OUT = re.compile(
    r"^/(admin|api|static|language|logout)|\.(csv|json|parquet|md)$|/download|/export"
)


def people() -> dict[str, dict[str, str] | None]:
    """Session cookies of the demo's owner and of its busiest annotator; None for a stranger."""
    from django.test import Client

    from annotation.models import Membership, Role

    cookies: dict[str, dict[str, str] | None] = {"nobody": None}
    for role in (Role.OWNER, Role.ANNOTATOR):
        user = Membership.objects.filter(role=role).order_by("pk").first()
        if user is None:
            continue
        client = Client()
        client.force_login(user.user)
        cookie = client.cookies["polyphony_session"].value
        cookies[str(role.value)] = {"name": "polyphony_session", "value": cookie}
    return cookies


def page_name(path: str) -> str:
    from django.urls import Resolver404, resolve

    try:
        found = resolve(path)
    except Resolver404:
        return path.strip("/").replace("/", "-") or "missing"
    return (found.url_name or found.view_name or "page").replace(":", "-")


def walk(browser: Any, base: str, who: str, cookie: Any, options: argparse.Namespace) -> list[str]:
    """Photographs everything one person can reach; complaints in words."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    if cookie:
        context.add_cookies([{**cookie, "url": base}])
    page = context.new_page()
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(f"{who} {page.url}: {error}"))
    waiting, known = deque(["/", "/login/", "/nowhere/", "/methods/"]), set[str]()
    taken: Counter[str] = Counter()
    while waiting:
        path = waiting.popleft()
        name = page_name(urlsplit(path).path)
        if path in known or taken[name] >= options.each:
            continue
        known.add(path)
        reply = page.goto(base + path, wait_until="networkidle")
        if reply is None or "text/html" not in reply.headers.get("content-type", ""):
            continue
        if reply.status >= 500:
            said.append(f"{who} {path}: {reply.status}")
        taken[name] += 1
        links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
        for link in links:
            parts = urlsplit(link)
            if link.startswith(base + "/") and not LEFT_OUT.search(parts.path):
                waiting.append(parts.path + (f"?{parts.query}" if parts.query else ""))
        if options.only and options.only not in name:
            continue
        said += photograph(page, f"{who}-{name}-{taken[name]}", options)
        page.set_viewport_size({"width": 1280, "height": 800})
    context.close()
    return said


def photograph(page: Any, name: str, options: argparse.Namespace) -> list[str]:
    said = []
    for scheme, width in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 844 if width < 500 else 800})
        page.wait_for_timeout(80)
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            said.append(f"{name}: {wide} pixels wide at {width}")
        if options.axe and (scheme, width) in (("light", 1280), ("dark", 1280), ("light", 390)):
            said += [f"{name}, {scheme} {width}: {each}" for each in violations(page)]
        page.screenshot(path=options.folder / f"{name}-{scheme}-{width}.png", full_page=True)
    return said


def violations(page: Any) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": TAGS}})
    return [
        f"{each['id']}: {node['target']} {node.get('failureSummary', '')[:200]}"
        for each in found.response["violations"]
        for node in each["nodes"][:3]
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--axe", action="store_true")
    parser.add_argument("--each", type=int, default=1)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = Path(tempfile.mkdtemp(prefix="polyphony-screens-"))
    try:
        with served(home, port):
            manage("seed_demo")
            import django

            django.setup()
            from playwright.sync_api import sync_playwright

            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=os.environ.get("POLYPHONY_CHROMIUM")
                    or shutil.which("chromium"),
                    args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
                )
                for who, cookie in people().items():
                    for line in walk(browser, f"http://127.0.0.1:{port}", who, cookie, options):
                        print(line, flush=True)
                browser.close()
    finally:
        shutil.rmtree(home, ignore_errors=True)
    print(f"{len(list(options.folder.glob('*.png')))} photographs in {options.folder}")


if __name__ == "__main__":
    main()
