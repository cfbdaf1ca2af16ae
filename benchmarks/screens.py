"""A photograph of every screen, light and dark, wide and phone.

    .venv/bin/python benchmarks/screens.py /tmp/screens [--axe] [--only REGEX] [--looks light-1280]

Starts a throwaway PostgreSQL and a server on it, and makes a world in which everything has happened
once (`screen_world`): the demo, people with accounts, a project of every judgment type, an empty
one, models with their jobs, audits and studies, runs, reports and releases. The pages are the
addresses of the URL configuration, each with an example of what it shows; annotators and strangers
also see theirs in German. Prints what is wider than its window, what failed to load, and with
`--axe` what axe finds against WCAG 2.2 AA. Looking at them remains for a person.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.judging_page import served  # noqa: E402
from benchmarks.surroundings import chromium  # noqa: E402

LOOKS = ("light-1280", "dark-1280", "light-390", "dark-390")
# A file to download, or an address that only takes a POST, whose refusal has no text.
NOT_PAGES = "Download is starting|ERR_ABORTED|ERR_HTTP_RESPONSE_CODE_FAILURE"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def take(browser: Any, base: str, options: argparse.Namespace) -> Iterator[str]:
    """Photographs every screen; complaints in words."""
    from benchmarks.screen_world.tours import every_screen

    wanted = [each for each in every_screen() if re.search(options.only, told(each))]
    order = sorted(wanted, key=lambda each: (each.who, each.language))
    for (who, language), screens in groupby(order, key=lambda each: (each.who, each.language)):
        context = browser.new_context(viewport={"width": 1280, "height": 800}, locale=language)
        context.add_cookies([{**cookie, "url": base} for cookie in cookies(who)])
        page = context.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error, kept=faults: kept.append(str(error)))
        for screen in screens:
            said, faults[:] = [*visit(page, base + screen.path, told(screen), options)], []
            yield from (f"{told(screen)}: {each}" for each in (*said, *faults))
        context.close()


def told(screen: Any) -> str:
    return "-".join(filter(None, (screen.who, screen.name, screen.language.replace("en", ""))))


def cookies(who: str) -> list[dict[str, str]]:
    """Session cookies of the demo's owner or of one who judges there; none for a stranger."""
    from django.test import Client

    from annotation.models import User

    names = {"owner": "demo", "annotator": "guest"}
    if who not in names:
        return []
    client = Client()
    client.force_login(User.objects.get(username=names[who]))
    return [{"name": "polyphony_session", "value": client.cookies["polyphony_session"].value}]


def visit(page: Any, address: str, name: str, options: argparse.Namespace) -> Iterator[str]:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="light")
    try:
        reply = page.goto(address, wait_until="networkidle")
    except options.error as error:
        if not re.search(NOT_PAGES, str(error)):
            yield str(error).splitlines()[0]
        return
    if reply is None or "text/html" not in reply.headers.get("content-type", ""):
        return
    if reply.status >= 500:
        yield f"answers {reply.status}"
    if reply.status == 405:
        return
    yield from photograph(page, name, options)


def photograph(page: Any, name: str, options: argparse.Namespace) -> Iterator[str]:
    for look in options.looks:
        scheme, width = look.split("-")[0], int(look.split("-")[1])
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 844 if width < 500 else 800})
        page.wait_for_timeout(60)
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            yield f"{wide} pixels wide at {width}"
        if options.axe and look in ("light-1280", "dark-390"):
            yield from (f"{look}: {each}" for each in violations(page))
        page.screenshot(path=options.folder / f"{name}-{look}.png", full_page=True)


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
    parser.add_argument("--only", default="", help="a regular expression on a screen's name")
    parser.add_argument("--looks", nargs="+", default=LOOKS, choices=LOOKS)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with served() as base:
        import django

        django.setup()
        from benchmarks.screen_world.making import make_world

        make_world(lambda step: print(f"Making {step} …", flush=True))
        photograph_all(base, options)


def photograph_all(base: str, options: argparse.Namespace) -> None:
    from playwright.sync_api import Error

    options.error = Error
    with chromium() as browser:
        for line in take(browser, base, options):
            print(line, flush=True)
    print(f"{len(list(options.folder.glob('*.png')))} photographs in {options.folder}")


if __name__ == "__main__":
    main()
