"""A real Chromium, driven as a person would: keys, clicks, a lost network."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.test import Client
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Page,
    Route,
    expect,
    sync_playwright,
)
from pytest_django.live_server_helper import LiveServer

from annotation.models import User
from tests.cast import World

ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
]
OpenPage = Callable[..., Page]
PATIENCE = 20_000  # milliseconds that a page may take on a busy machine


def chromium_path() -> str | None:
    """POLYPHONY_CHROMIUM, else a Chromium on PATH, else None: the one playwright installed."""
    given = os.environ.get("POLYPHONY_CHROMIUM")
    return given or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the run.

    Playwright's own event loop lives in this thread from here on, and Django would take every query
    of a later test for asynchronous code.
    """
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        try:
            launched = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        except Error as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"no Chromium to drive: {error.message.splitlines()[0]}")
        yield launched
        launched.close()


def intercept(page: Page, address: str, handler: Callable[[Route], Any]) -> None:
    """Hand the page's requests to `address` (a glob) to `handler`, from here on for certain.

    Chromium says that it intercepts before the page's own requests go through it: one in sixty that
    was sent at once reached the server all the same. So the page asks until it is intercepted.
    """
    page.route(address, handler)
    page.route("**/intercepted/", lambda route: route.fulfill(status=418))
    for _ in range(100):
        if page.evaluate("fetch('/intercepted/').then((reply) => reply.status)") == 418:
            break
    else:
        raise AssertionError("the page's requests aren't intercepted")
    page.unroute("**/intercepted/")


class InFlight:
    """Counts the requests that the server is answering.

    A page that is closed still sends its last word (a lease given back). The tables may only be
    emptied once it has been heard.
    """

    def __init__(self) -> None:
        self.count, self.lock = 0, threading.Lock()
        request_started.connect(self._begun)
        request_finished.connect(self._ended)

    def _begun(self, **_: Any) -> None:
        with self.lock:
            self.count += 1

    def _ended(self, **_: Any) -> None:
        with self.lock:
            self.count -= 1

    def settle(self, quiet: float = 0.15, most: float = 4.0) -> None:
        """Return once nothing has been asked for `quiet` seconds; after `most` seconds anyway."""
        end = time.monotonic() + most
        calm = time.monotonic()
        while time.monotonic() < min(calm + quiet, end):
            time.sleep(0.02)
            if self.count > 0:
                calm = time.monotonic()
        request_started.disconnect(self._begun)
        request_finished.disconnect(self._ended)


@pytest.fixture
def lived_in(browser: Browser, live_server: LiveServer, world: World) -> World:
    """The cast's world behind a live server."""
    return world


@pytest.fixture
def open_page(browser: Browser, live_server: LiveServer, lived_in: World) -> Iterator[OpenPage]:
    """Open a path as one of the cast: `open_page(world.ada, "/…", **context_options)`.

    Errors in the page's scripts and refusals by the content policy fail the test.
    """
    contexts: list[BrowserContext] = []
    faults: list[str] = []
    asked = InFlight()

    def open_as(user: User | None, path: str, **options: Any) -> Page:
        context = browser.new_context(base_url=live_server.url, **options)
        contexts.append(context)
        if user is not None:
            log_in(context, user)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"{path}: {error}"))
        page.on(
            "console",
            lambda said: (
                faults.append(f"{path}: {said.text}")
                if "Content Security Policy" in said.text
                else None
            ),
        )
        page.goto(path)
        return page

    def log_in(context: BrowserContext, user: User) -> None:
        client = Client()
        client.force_login(user)
        name = settings.SESSION_COOKIE_NAME
        context.add_cookies(
            [{"name": name, "value": client.cookies[name].value, "url": live_server.url}]
        )

    yield open_as
    for context in contexts:
        context.close()
    asked.settle()
    assert not faults
