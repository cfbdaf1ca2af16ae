"""The one guard that every outgoing request passes.

People type addresses of model servers and webhooks; whoever may do so must not thereby reach the
database, a cloud's metadata service or the neighbour's printer. So: http and https only, no
credentials in the address, every address the name resolves to must be public (or named in
POLYPHONY_OUTBOUND_ALLOW), the connection goes to exactly the address that was checked, redirects
are refused, and the answer may neither grow nor take longer than the caller says.
"""

import ipaddress
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx
from django.conf import settings

__all__ = ["AnswerRefused", "OutboundRefused", "check", "client"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Sequence[str]]

# Cloud metadata services; a network that contains one does not allow it, only its own address does.
METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.170.2",
        "168.63.129.16",
        "100.100.100.200",
        "fd00:ec2::254",
    )
)
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class OutboundRefused(Exception):
    """A request that must not leave or an answer that must not come in; a sentence says why."""


class AnswerRefused(OutboundRefused):
    """An answer that grew too large or took too long; another request may fare better."""


def client(
    *,
    timeout: float,
    max_bytes: int,
    allow: Sequence[str] | None = None,
    resolver: Resolver | None = None,
) -> httpx.Client:
    """A client that can only make guarded requests.

    `timeout` is the number of seconds a whole exchange may take, from connecting to the last byte,
    and `max_bytes` the size of the body. `allow` (default: settings.OUTBOUND_ALLOW) lists hosts,
    `host:port` pairs, addresses and networks that may be private. Raises `OutboundRefused` where a
    rule is broken and httpx's own errors where the network fails. Proxy variables of the
    environment are ignored: a proxy would resolve names out of our sight.
    """
    gate = _Gate.of(settings.OUTBOUND_ALLOW if allow is None else allow, resolver or _resolve)
    return httpx.Client(
        transport=_GuardedTransport(gate, timeout, max_bytes),
        timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
        follow_redirects=False,
        trust_env=False,
        headers={"Accept-Encoding": "identity"},
    )


def check(
    url: str, *, allow: Sequence[str] | None = None, resolver: Resolver | None = None
) -> None:
    """Refuse now what `client` would refuse later, so that a form can say it at once."""
    gate = _Gate.of(settings.OUTBOUND_ALLOW if allow is None else allow, resolver or _resolve)
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise OutboundRefused(f"{url!r} is not a web address: {error}.") from error
    gate.check_url(parsed)
    gate.addresses(parsed.host, parsed.port or (443 if parsed.scheme == "https" else 80))


# --- The rules --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Gate:
    hosts: frozenset[str]
    networks: tuple[Network, ...]
    resolve: Resolver

    @classmethod
    def of(cls, allow: Iterable[str], resolve: Resolver) -> "_Gate":
        hosts, networks = set(), []
        for entry in allow:
            try:
                networks.append(ipaddress.ip_network(entry.strip("[]")))
            except ValueError:
                hosts.add(entry.lower())
        return cls(frozenset(hosts), tuple(networks), resolve)

    def check_url(self, url: httpx.URL) -> None:
        if url.scheme not in ("http", "https"):
            raise OutboundRefused(
                f"Only http and https addresses can be called, not {url.scheme or 'none'}."
            )
        if not url.host:
            raise OutboundRefused("The address names no host.")
        if url.userinfo:
            raise OutboundRefused(
                "The address contains a user name or password; give credentials separately."
            )

    def addresses(self, host: str, port: int) -> list[str]:
        """What `host` resolves to, if all of it may be called."""
        try:
            found = [
                ipaddress.ip_address(text.partition("%")[0]) for text in self.resolve(host, port)
            ]
        except (OSError, UnicodeError) as error:
            raise OutboundRefused(
                f"The name {host} cannot be resolved: {_words(error)}."
            ) from error
        if not found:
            raise OutboundRefused(f"The name {host} resolves to no address.")
        named = {host.lower(), f"{host.lower()}:{port}"} & self.hosts
        for address in found:
            if not self._permits(address, named=bool(named)):
                raise OutboundRefused(
                    f"{host} is at {address}, which is not on the public internet. If this server "
                    f"is yours, add {host}:{port} to POLYPHONY_OUTBOUND_ALLOW."
                )
        return [str(address) for address in found]

    def _permits(self, address: Address, *, named: bool) -> bool:
        listed = [network for network in self.networks if address in network]
        if METADATA & set(_faces(address)):
            return any(network.num_addresses == 1 for network in listed)
        return named or bool(listed) or all(_public(face) for face in _faces(address))


def _words(error: OSError | UnicodeError) -> str:
    """What went wrong, without the number that programs know it by."""
    told = error.strerror if isinstance(error, OSError) else None
    return told or str(error)


def _public(address: Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _faces(address: Address) -> list[Address]:
    """The address, and the IPv4 addresses that an IPv6 one carries inside."""
    faces: list[Address] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        inside = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in NAT64:
            inside.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        faces += [face for face in inside if face is not None]
        if address.ipv4_mapped is not None:
            faces.remove(address)  # it is that IPv4 address and nothing of its own
    return faces


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


# --- The transport ----------------------------------------------------------------------------


class _GuardedBackend(httpcore.SyncBackend):
    """Opens a connection to an address that was checked, never to a name that could change."""

    def __init__(self, gate: _Gate) -> None:
        self.gate = gate

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in self.gate.addresses(host, port):
            try:
                return super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        assert failure is not None
        raise failure

    def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
        raise OutboundRefused("Sockets of this machine cannot be called.")


class _GuardedTransport(httpx.HTTPTransport):
    def __init__(self, gate: _Gate, timeout: float, max_bytes: int) -> None:
        super().__init__(trust_env=False)
        self.gate = gate
        self.timeout = timeout
        self.max_bytes = max_bytes
        # httpx offers no way to hand in a network backend; the pool it built is replaced unused.
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            network_backend=_GuardedBackend(gate),
            max_connections=None,  # callers bound how much they ask at once
            max_keepalive_connections=32,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        deadline = time.monotonic() + self.timeout
        self.gate.check_url(request.url)
        response = super().handle_request(request)
        problem = self._problem(response)
        if problem:
            response.close()
            raise OutboundRefused(f"{request.url.host} {problem}")
        assert isinstance(response.stream, httpx.SyncByteStream)
        response.stream = _CappedStream(response.stream, self.max_bytes, deadline, request.url.host)
        return response

    def _problem(self, response: httpx.Response) -> str:
        if response.has_redirect_location:
            target = response.headers["location"]
            return f"answers with a redirect to {target}, which is not followed; use that address."
        encoding = response.headers.get("content-encoding", "identity")
        if encoding != "identity":
            return f"compresses its answer ({encoding}) though asked not to."
        length = response.headers.get("content-length", "")
        if length.isdigit() and int(length) > self.max_bytes:
            return f"announces {length} bytes; at most {self.max_bytes} are accepted."
        return ""


class _CappedStream(httpx.SyncByteStream):
    def __init__(
        self, stream: httpx.SyncByteStream, max_bytes: int, deadline: float, host: str
    ) -> None:
        self.stream = stream
        self.max_bytes = max_bytes
        self.deadline = deadline
        self.host = host

    def __iter__(self) -> Iterator[bytes]:
        seen = 0
        for chunk in self.stream:
            seen += len(chunk)
            if seen > self.max_bytes:
                raise AnswerRefused(
                    f"{self.host} sends more than the {self.max_bytes} bytes that are accepted."
                )
            if time.monotonic() > self.deadline:
                raise AnswerRefused(f"{self.host} took too long to finish its answer.")
            yield chunk

    def close(self) -> None:
        self.stream.close()
