"""The HTTP side: four routes over one mesh."""

import json
import socket
import sys
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from trigger_mesh import subscriptions
from trigger_mesh.delivery import Mesh
from trigger_mesh.events import MAX_BODY, BadEvent, parse_event
from trigger_mesh.metrics import Metrics

JSON = "application/json"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the client, and under which route it is counted."""

    route: str
    status: int
    body: bytes
    content_type: str = JSON


def _json(route: str, status: int, value: Any) -> Answer:
    return Answer(route, status, json.dumps(value).encode() + b"\n")


class Server(ThreadingHTTPServer):
    """One thread a connection; `mesh` and `metrics` are shared by all of them."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], mesh: Mesh, version: str) -> None:
        self.mesh = mesh
        self.metrics = Metrics()
        self.version = version
        super().__init__(address, Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about clients that hang up."""
        if not isinstance(sys.exc_info()[1], ConnectionError | socket.timeout):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Routes one request. Anything unforeseen is a 500, counted as an error."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "trigger-mesh"
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 30

    def do_GET(self) -> None:
        """Answer GET."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Answer POST."""
        self._answer(self._post)

    def _answer(self, route: Any) -> None:
        started = time.perf_counter()
        try:
            answer = route()
        except Exception as error:  # the boundary of the process: log, answer, go on
            self.log_error("%s %s: %r", self.command, self.path, error)
            answer = _json(self._route_name(), 500, {"error": "internal error"})
        seconds = time.perf_counter() - started
        self.server.metrics.observe(answer.route, seconds, error=answer.status >= 500)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def _route_name(self) -> str:
        first = self.path.strip("/").split("/")[0]
        return first if first in ("events", "subscribers", "healthz", "metrics") else "other"

    def _get(self) -> Answer:
        match self.path.strip("/").split("/"):
            case ["healthz"]:
                return _json("healthz", 200, {"status": "ok", "version": self.server.version})
            case ["metrics"]:
                return Answer("metrics", 200, self.server.metrics.render().encode(), PROMETHEUS)
            case ["subscribers", name, "events"]:
                box = self.server.mesh.mailbox(name)
                if box is None:
                    return _json("subscribers", 404, {"error": f"no subscriber {name}"})
                events = [{"id": e.id, "topic": e.topic, "payload": e.payload} for e in box]
                return _json("subscribers", 200, {"events": events})
            case _:
                return _json("other", 404, {"error": "not found"})

    def _post(self) -> Answer:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self.close_connection = True
            return _json(self._route_name(), 411, {"error": "Content-Length is needed"})
        if int(length) > MAX_BODY:
            self.close_connection = True
            return _json(self._route_name(), 413, {"error": f"at most {MAX_BODY} bytes"})
        body = self.rfile.read(int(length))
        if self.path != "/events":
            return _json("other", 404, {"error": "not found"})
        try:
            with self.server.metrics.in_flight():
                receipt = self.server.mesh.deliver(parse_event(body))
        except BadEvent as error:
            return _json("events", 400, {"error": str(error)})
        counts = {"delivered": receipt.delivered, "duplicates": receipt.duplicates}
        return _json("events", 202, counts)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Leave the access log to the metrics."""


def build(host: str, port: int, *, version: str = "unreleased") -> Server:
    """Bind a server for the subscriptions that ship with the service; port 0 picks one."""
    return Server((host, port), Mesh(subscriptions.load()), version)
