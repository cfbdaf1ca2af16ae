"""Keeping several slow calls in the air while pulling the next ones lazily."""

import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


LOOK_EVERY = 0.25


def fly(
    requests: Iterable[Asked],
    call: Callable[[Asked], Answered],
    *,
    in_flight: int,
    closed: threading.Event,
) -> Generator[Answered, None, None]:
    """`call` every request, at most `in_flight` at once; yield answers as they land.

    Requests are pulled in the caller's thread, one only when a place is free, so they may come
    from a database. An exception of `call` is raised here. Closing the iterator, or setting
    `closed` from any thread, drops what hasn't begun and doesn't wait for the rest.
    """
    pending = iter(requests)
    airborne: set[Future[Answered]] = set()
    pool = ThreadPoolExecutor(in_flight, thread_name_prefix="engine")
    try:
        exhausted = False
        while not closed.is_set():
            while not exhausted and len(airborne) < in_flight:
                try:
                    airborne.add(pool.submit(call, next(pending)))
                except StopIteration:
                    exhausted = True
            if not airborne:
                return
            landed, airborne = wait(airborne, LOOK_EVERY, return_when=FIRST_COMPLETED)
            for future in landed:
                if closed.is_set():
                    return
                yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
