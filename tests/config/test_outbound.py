"""The guard on outgoing requests, tried against a real server on this machine."""

import gzip
import ipaddress
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from config import outbound
from config.outbound import OutboundRefused


class _Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/latest/meta-data/")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            try:
                for _ in range(1000):
                    self.wfile.write(b"x" * 10_000)
            except OSError:
                return
            finally:
                self.close_connection = True
        elif self.path == "/slow":
            self.send_response(200)
            self.end_headers()
            try:
                for _ in range(100):
                    self.wfile.write(b"x")
                    self.wfile.flush()
                    time.sleep(0.05)
            except OSError:
                return
            finally:
                self.close_connection = True
        elif self.path == "/bomb":
            self._answer(gzip.compress(b"0" * 10_000_000), {"Content-Encoding": "gzip"})
        else:
            self._answer(self.headers["Host"].encode(), {})

    def _answer(self, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def get(url: str, *, allow: tuple[str, ...] = (), timeout: float = 5.0) -> httpx.Response:
    with outbound.client(timeout=timeout, max_bytes=50_000, allow=allow) as client:
        return client.get(url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.1.2.3",
        "10.0.0.7",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "168.63.129.16",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "2002:7f00:1::",
        "64:ff9b::a9fe:a9fe",
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(OutboundRefused, match="not on the public internet"):
        outbound.check("http://model.example/v1", allow=(), resolver=lambda _host, _port: [address])


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8"])
def test_a_public_address_passes(address: str) -> None:
    outbound.check("https://model.example/v1", allow=(), resolver=lambda _host, _port: [address])


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]", "localhost"]
)
def test_other_spellings_of_this_machine_are_refused(host: str) -> None:
    with pytest.raises(OutboundRefused):
        outbound.check(f"http://{host}/", allow=())


def test_one_private_address_among_public_ones_is_refused() -> None:
    with pytest.raises(OutboundRefused, match=r"10\.0\.0\.1"):
        outbound.check(
            "http://model.example/", allow=(), resolver=lambda *_: ["93.184.216.34", "10.0.0.1"]
        )


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("file:///etc/passwd", "Only http and https"),
        ("gopher://model.example/", "Only http and https"),
        ("model.example/v1", "Only http and https"),
        ("http:///v1", "names no host"),
        ("http://me:secret@model.example/", "user name or password"),
        ("http://[::1/", "is not a web address"),
    ],
)
def test_an_address_that_is_no_plain_web_address_is_refused(url: str, reason: str) -> None:
    with pytest.raises(OutboundRefused, match=reason):
        outbound.check(url, allow=(), resolver=lambda *_: ["93.184.216.34"])


def test_a_name_that_does_not_resolve_is_refused_with_its_name() -> None:
    with pytest.raises(OutboundRefused, match=r"nowhere\.invalid"):
        outbound.check("http://nowhere.invalid/", allow=())


@pytest.mark.parametrize("entry", ["localhost", "LOCALHOST", "127.0.0.0/8", "::1", "127.0.0.1"])
def test_a_listed_host_address_or_network_may_be_private(port: int, entry: str) -> None:
    allow = (entry, "127.0.0.1", "::1")
    assert get(f"http://localhost:{port}/", allow=allow).text == f"localhost:{port}"


def test_a_listed_port_does_not_open_the_others(port: int) -> None:
    host = f"127.0.0.1:{port}"
    assert get(f"http://{host}/", allow=(host,)).text == host
    with pytest.raises(OutboundRefused, match=r"127\.0\.0\.1:1 to POLYPHONY_OUTBOUND_ALLOW"):
        get("http://127.0.0.1:1/", allow=(host,))


def test_a_listed_network_or_name_does_not_open_the_metadata_service() -> None:
    for allow in (("169.254.0.0/16",), ("model.example",)):
        with pytest.raises(OutboundRefused):
            outbound.check(
                "http://model.example/", allow=allow, resolver=lambda *_: ["169.254.169.254"]
            )


def test_the_connection_goes_to_the_address_that_was_checked(port: int) -> None:
    """DNS rebinding: a second look at the name would lead elsewhere, so there is none."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"], ["10.0.0.1"]])
    with outbound.client(
        timeout=5,
        max_bytes=1000,
        allow=("127.0.0.1",),
        resolver=lambda *_: next(answers),
    ) as client:
        assert client.get(f"http://rebind.example:{port}/").text == f"rebind.example:{port}"
    assert next(answers) == ["10.0.0.1"]  # exactly one look-up happened


def test_a_name_that_changed_to_a_private_address_is_refused_at_the_next_connection() -> None:
    with (
        outbound.client(
            timeout=5, max_bytes=1000, allow=(), resolver=lambda *_: ["127.0.0.1"]
        ) as client,
        pytest.raises(OutboundRefused, match=r"rebind\.example is at 127\.0\.0\.1"),
    ):
        client.get("http://rebind.example:8000/")


def test_the_next_address_is_tried_when_the_first_does_not_answer(port: int) -> None:
    with outbound.client(
        timeout=5,
        max_bytes=1000,
        allow=("127.0.0.0/8", "::1"),
        resolver=lambda *_: ["::1", "127.0.0.1"],
    ) as client:
        assert client.get(f"http://two.example:{port}/").status_code == 200


def test_a_redirect_is_refused_and_names_its_target(port: int) -> None:
    with pytest.raises(OutboundRefused, match=r"redirect to http://169\.254\.169\.254"):
        get(f"http://127.0.0.1:{port}/redirect", allow=("127.0.0.1",))


def test_a_body_without_end_is_cut_off(port: int) -> None:
    with pytest.raises(OutboundRefused, match="more than the 50000 bytes"):
        get(f"http://127.0.0.1:{port}/endless", allow=("127.0.0.1",))


def test_an_announced_size_over_the_limit_is_refused_before_reading(port: int) -> None:
    with (
        outbound.client(timeout=5, max_bytes=3, allow=("127.0.0.1",)) as client,
        pytest.raises(OutboundRefused, match="announces"),
    ):
        client.get(f"http://127.0.0.1:{port}/")


def test_a_compressed_answer_is_refused(port: int) -> None:
    with pytest.raises(OutboundRefused, match="gzip"):
        get(f"http://127.0.0.1:{port}/bomb", allow=("127.0.0.1",))


def test_an_answer_that_drips_is_cut_off_after_the_timeout(port: int) -> None:
    begun = time.monotonic()
    with pytest.raises(OutboundRefused, match="too long"):
        get(f"http://127.0.0.1:{port}/slow", allow=("127.0.0.1",), timeout=0.4)
    assert time.monotonic() - begun < 3


def test_proxies_of_the_environment_are_ignored(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert get(f"http://127.0.0.1:{port}/", allow=("127.0.0.1",)).status_code == 200


def test_every_listed_metadata_address_is_refused_even_where_its_network_is_listed() -> None:
    for address in outbound.METADATA:
        everything = ("0.0.0.0/0", "::/0")
        with pytest.raises(OutboundRefused):
            outbound.check(
                "http://x.example/", allow=everything, resolver=lambda *_, a=address: [str(a)]
            )
    assert ipaddress.ip_address("169.254.169.254") in outbound.METADATA
