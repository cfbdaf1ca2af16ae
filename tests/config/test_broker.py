"""The folder broker under two producers and two consumers at once."""

import multiprocessing
from pathlib import Path
from typing import Any

import kombu
import pytest

from config.broker import Transport

MESSAGES = 400


def connect(folder: Path) -> kombu.Connection:
    options = {
        "data_folder_in": str(folder),
        "data_folder_out": str(folder),
        "control_folder": str(folder / "control"),
        "polling_interval": 0.001,
    }
    return kombu.Connection(transport=Transport, transport_options=options)


def queue(name: str = "work") -> kombu.Queue:
    return kombu.Queue(name, kombu.Exchange(name), routing_key=name)


def table(connection: kombu.Connection, exchange: str) -> list[Any]:
    channel: Any = connection.default_channel
    return list(channel.get_table(exchange))


def publish(folder: Path, first: int) -> None:
    with connect(folder) as connection:
        producer = connection.Producer()
        for number in range(first, first + MESSAGES):
            producer.publish(
                {"number": number, "padding": "x" * 2000},
                exchange=queue().exchange,
                routing_key="work",
                declare=[queue()],
            )


def consume(folder: Path, found: "multiprocessing.Queue[list[int]]") -> None:
    numbers: list[int] = []

    def take(body: dict[str, Any], message: kombu.Message) -> None:
        numbers.append(body["number"])
        message.ack()

    with connect(folder) as connection, connection.Consumer(queue(), callbacks=[take]):
        idle = 0
        while idle < 20:
            try:
                connection.drain_events(timeout=0.1)
                idle = 0
            except TimeoutError:
                idle += 1
    found.put(numbers)


def bind(folder: Path, name: str) -> None:
    with connect(folder) as connection:
        fanout = kombu.Exchange("all", type="fanout")
        kombu.Queue(name, fanout)(connection.default_channel).declare()


@pytest.mark.slow
def test_every_message_arrives_once_and_whole(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    found = context.Queue()
    consumers = [context.Process(target=consume, args=(tmp_path, found)) for _ in range(2)]
    producers = [context.Process(target=publish, args=(tmp_path, k * MESSAGES)) for k in range(2)]
    for process in (*consumers, *producers):
        process.start()
    arrived = [number for _ in consumers for number in found.get(timeout=60)]
    for process in (*consumers, *producers):
        process.join(timeout=60)
        assert process.exitcode == 0
    assert sorted(arrived) == list(range(2 * MESSAGES))


@pytest.mark.slow
def test_queues_bound_at_the_same_moment_all_stay_bound(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    names = [f"q{number}" for number in range(6)]
    processes = [context.Process(target=bind, args=(tmp_path, name)) for name in names]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
        assert process.exitcode == 0
    with connect(tmp_path) as connection:
        bound = {entry.queue for entry in table(connection, "all")}
    assert bound == set(names)


def test_a_deleted_queue_is_unbound_and_emptied(tmp_path: Path) -> None:
    with connect(tmp_path) as connection:
        bound = queue()(connection.default_channel)
        bound.declare()
        connection.Producer().publish({"number": 1}, exchange=bound.exchange, routing_key="work")
        bound.delete()
        assert table(connection, "work") == []
    assert not list(tmp_path.glob("*.msg"))
