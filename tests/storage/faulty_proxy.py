"""An HTTP proxy before an S3 server. It notes every request, and stands in the way of those it is told to."""

import hashlib
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

Fault = Literal[
    "none", "slow down", "denied", "cut before", "cut in request", "cut in answer", "cut after", "late", "silent"
]

LATE_SECONDS = 0.3
REFUSALS = {"slow down": (503, "SlowDown"), "denied": (403, "AccessDenied")}
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: a closed connection is reset, and what was not yet sent is thrown away
CHANGED = {"connection", "transfer-encoding"}  # of an answer: it is read to its end, then passed on in one piece
ANSWERED_HERE = {"connection", "expect"}  # of a request


@dataclass(frozen=True)
class Request:
    """``times``: how many requests of this operation and key there were before."""

    operation: str
    key: str
    times: int


Choose = Callable[[Request], Fault]


def no_faults(_: Request) -> Fault:
    return "none"


def at_random(seed: int, shares: Mapping[Fault, float]) -> Choose:
    """A share of the requests for each fault. Which ones hangs on the seed and the request, not on order or bucket."""

    def choose(request: Request) -> Fault:
        what = (seed, request.operation, request.key.partition("/")[2], request.times)
        drawn = hashlib.blake2b(repr(what).encode(), digest_size=8).digest()
        place = int.from_bytes(drawn) / 2**64
        for fault, share in shares.items():
            place -= share
            if place < 0:
                return fault
        return "none"

    return choose


@dataclass
class Proxy:
    """``requests`` are all so far, with what was done to them."""

    port: int
    choose: Choose = no_faults
    requests: list[tuple[Request, Fault]] = field(default_factory=list)
    sent: int = 0
    received: int = 0
    _lock: Lock = field(default_factory=Lock)
    _times: Counter[tuple[str, str]] = field(default_factory=Counter)

    def counted(self) -> dict[str, int]:
        """How many requests there were of each operation."""
        return dict(sorted(Counter(request.operation for request, _ in self.requests).items()))

    def faults(self) -> dict[str, int]:
        return dict(sorted(Counter(fault for _, fault in self.requests if fault != "none").items()))

    def calm(self) -> None:
        """No faults, and no memory of any."""
        with self._lock:
            self.choose = no_faults
            self.requests.clear()
            self._times.clear()
            self.sent = self.received = 0

    def fault_of(self, operation: str, key: str) -> Fault:
        with self._lock:
            request = Request(operation, key, self._times[operation, key])
            self._times[operation, key] += 1
        fault = self.choose(request)
        with self._lock:
            self.requests.append((request, fault))
        return fault

    def moved(self, sent: int, received: int) -> None:
        with self._lock:
            self.sent += sent
            self.received += received


@contextmanager
def faulty_proxy(upstream: int) -> Iterator[Proxy]:
    """A proxy before the server at a port of this machine."""

    class Handler(_Handler):
        def setup(self) -> None:
            super().setup()
            self.upstream = HTTPConnection("127.0.0.1", upstream)

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *_: object) -> None:
            pass  # connections break; that is what it is for

    with Server(("127.0.0.1", 0), Handler) as server:
        Handler.proxy = Proxy(server.server_address[1])
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield Handler.proxy
        finally:
            server.shutdown()
            thread.join()


def operation_of(method: str, target: str) -> tuple[str, str]:
    """What S3 calls a request, and the object or prefix that it is about (``key#number`` for a piece of an upload)."""
    parts = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    key = unquote(parts.path).lstrip("/")
    if "list-type" in query:
        return "LIST", f"{key}/{query.get('prefix', '')}"
    if "uploads" in query:
        return "CREATE UPLOAD", key
    if "partNumber" in query:
        return "PUT PIECE", f"{key}#{query['partNumber']}"
    if "uploadId" in query:
        return ("ABORT UPLOAD" if method == "DELETE" else "COMPLETE UPLOAD"), key
    return method, key


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    proxy: Proxy
    upstream: HTTPConnection

    def log_message(self, *_: object) -> None:
        pass

    def _handle(self) -> None:
        fault = self.proxy.fault_of(*operation_of(self.command, self.path))
        if fault == "cut before":
            return self._cut()
        body, whole = self._body()
        if not whole:
            return self._cut()
        if fault in REFUSALS:
            return self._refuse(*REFUSALS[fault])
        if fault == "silent":
            self.rfile.read(1)  # until the client goes away
            return self._cut()
        if fault == "late":
            time.sleep(LATE_SECONDS)
        self._forward(body[: len(body) // 2] if fault == "cut in request" else body)
        if fault == "cut in request":
            self.upstream.close()
            return self._cut()
        answer = self.upstream.getresponse()
        content = answer.read()
        self.proxy.moved(len(body), len(content))
        if fault == "cut after":
            return self._cut()
        head = [f"HTTP/1.1 {answer.status} {answer.reason}"]
        head += [f"{name}: {value}" for name, value in answer.getheaders() if name.lower() not in CHANGED]
        if answer.getheader("Content-Length") is None:
            head.append(f"Content-Length: {len(content)}")
        message = "\r\n".join([*head, "", ""]).encode() + content
        if fault == "cut in answer":
            self.wfile.write(message[: -max(1, len(content) // 2)])
            return self._cut()
        self.wfile.write(message)
        return None

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _handle

    def _body(self) -> tuple[bytes, bool]:
        """The request's body as it stands on the wire, and whether it came to its end."""
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            return body, len(body) == length
        read = []
        while size := self.rfile.readline():
            length = int(size, 16)
            read += [size, self.rfile.read(length + 2)]
            if length == 0:
                return b"".join(read), True
        return b"".join(read), False

    def _forward(self, body: bytes) -> None:
        self.upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in ANSWERED_HERE:
                self.upstream.putheader(name, value)
        self.upstream.endheaders()
        self.upstream.send(body)

    def _refuse(self, status: int, code: str) -> None:
        content = f"<Error><Code>{code}</Code><Message>{code}, says the proxy.</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.connection.close()
