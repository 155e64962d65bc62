"""An OpenAI-compatible server on loopback that misbehaves as a script tells it to."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE_S = 5.0  # how long a gate may hold a request before a test counts as broken

Step = Callable[["Handler"], None]


@dataclass(frozen=True)
class Received:
    """One request: where it went, its headers and its decoded body."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def prompt(self) -> str:
        return self.body["prompt"] if "prompt" in self.body else self.body["messages"][-1]["content"]


class Server(ThreadingHTTPServer):
    """Answers each prompt by its own list of steps; the last step repeats, and no steps mean an echo.

    ``gate`` runs on every prompt before it is answered, while it counts as in flight.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: dict[str, list[Step]] = {}
        self.gate: Callable[[str], object] = lambda prompt: None
        self.received: list[Received] = []
        self.most_in_flight = 0
        self.in_flight = 0
        self.closing = threading.Event()
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def tries(self, prompt: str) -> int:
        return sum(request.prompt == prompt for request in self.received)

    def take(self, request: Received) -> Step:
        """Note the request and pick the step that answers it."""
        with self.lock:
            self.received.append(request)
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            steps = self.script.get(request.prompt, [answer("echo " + request.prompt)])
            step = steps[min(self.tries(request.prompt), len(steps)) - 1]
        self.gate(request.prompt)
        with self.lock:
            self.in_flight -= 1
        return step

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that hangs up is part of the play, and a broken step fails its test."""


class Handler(BaseHTTPRequestHandler):
    """Reads one request and plays its step."""

    server: Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body leave in one packet, or each reply waits 40 ms for an acknowledgement

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.take(Received(self.path, dict(self.headers), body))(self)

    def log_message(self, *_: Any) -> None:
        pass

    def put(self, status: int, body: bytes, headers: dict[str, str] | None = None, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def answer(
    text: str | None,
    finish: str | None = "stop",
    refusal: str | None = None,
    tokens: tuple[int, int] = (7, 3),
) -> Step:
    """A whole reply, in the shape of the API that was asked."""

    def play(handler: Handler) -> None:
        chat = handler.path.endswith("/chat/completions")
        said = {"message": {"role": "assistant", "content": text, "refusal": refusal}} if chat else {"text": text}
        usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
        reply = {"choices": [{"index": 0, "finish_reason": finish} | said], "usage": usage}
        handler.put(200, json.dumps(reply).encode())

    return play


def status(code: int, message: str = "no", headers: dict[str, str] | None = None) -> Step:
    """An error in OpenAI's form."""
    body = json.dumps({"error": {"message": message, "type": "test"}}).encode()
    return lambda handler: handler.put(code, body, headers)


def raw(body: bytes) -> Step:
    """Status 200 with exactly this body."""
    return lambda handler: handler.put(200, body)


def cut(handler: Handler) -> None:
    """Promise a long body, send its beginning, hang up."""
    handler.put(200, b'{"choices": [{"mess', length=1000)
    handler.close_connection = True


def hang_up(handler: Handler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True


def stall(handler: Handler) -> None:
    """Never answer while the test lasts."""
    handler.server.closing.wait(PATIENCE_S)
    handler.close_connection = True


def trickle(handler: Handler) -> None:
    """Send the headers at once and a byte every 20 ms, so that no single read takes long."""
    handler.put(200, b"", length=10_000)
    while not handler.server.closing.wait(0.02):
        handler.wfile.write(b" ")
        handler.wfile.flush()
