"""Few judgments are worked on at once, the first come first, and none waits for a stuck one."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

import pytest

from config.turns import Turns

LONG = 60.0  # seconds that nobody waits for here


class Room:
    """Who came in, in which order, and how many were in at once at most."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.order: list[int] = []
        self.most = 0
        self._inside = 0
        self._lock = Lock()

    def visit(self, number: int, until: Event | None = None, stay: float = 0.0) -> float:
        """Seconds waited at the door."""
        came = time.monotonic()
        with self.turns.taken():
            waited = time.monotonic() - came
            with self._lock:
                self.order.append(number)
                self._inside += 1
                self.most = max(self.most, self._inside)
            if until is not None:
                assert until.wait(LONG)
            time.sleep(stay)
            with self._lock:
                self._inside -= 1
        return waited

    def until_inside(self, count: int) -> None:
        deadline = time.monotonic() + LONG
        while len(self.order) < count:
            assert time.monotonic() < deadline
            time.sleep(0.001)


def until_waiting(turns: Turns, count: int) -> None:
    deadline = time.monotonic() + LONG
    while len(turns._waiting) < count:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_no_more_than_two_are_inside_and_the_first_come_goes_first() -> None:
    turns = Turns(at_once=2, patience=LONG)
    room, open_ = Room(turns), Event()
    with ThreadPoolExecutor(8) as pool:
        holders = [pool.submit(room.visit, n, open_) for n in (0, 1)]
        room.until_inside(2)
        others = []
        for number in range(2, 8):
            others.append(pool.submit(room.visit, number, None, 0.1))
            until_waiting(turns, number - 1)
        open_.set()
        for each in (*holders, *others):
            each.result(LONG)
    assert sorted(room.order[:2]) == [0, 1]
    pairs = [sorted(room.order[n : n + 2]) for n in (2, 4, 6)]
    assert pairs == [[2, 3], [4, 5], [6, 7]]
    assert room.most == 2


def test_whoever_is_stuck_holds_up_the_others_once_at_most() -> None:
    turns = Turns(at_once=2, patience=1.0)
    room, open_ = Room(turns), Event()
    with ThreadPoolExecutor(4) as pool:
        stuck = [pool.submit(room.visit, n, open_) for n in (0, 1)]
        room.until_inside(2)
        assert pool.submit(room.visit, 2).result(LONG) > 0.1
        time.sleep(1.0)
        assert pool.submit(room.visit, 3).result(LONG) < 0.8
        open_.set()
        for each in stuck:
            each.result(LONG)
    assert room.order[2:] == [2, 3]
    assert not turns._since
    assert not turns._waiting


def test_a_turn_ends_when_its_work_fails() -> None:
    turns = Turns(at_once=1, patience=LONG)
    with pytest.raises(ZeroDivisionError), turns.taken():
        raise ZeroDivisionError
    assert Room(turns).visit(1) < 5


def test_many_at_once_all_get_their_turn_however_short_the_patience() -> None:
    turns = Turns(at_once=2, patience=0.002)
    room = Room(turns)
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda n: room.visit(n, stay=0.003), range(400)))
    assert sorted(room.order) == list(range(400))
    assert not turns._since
    assert not turns._waiting
