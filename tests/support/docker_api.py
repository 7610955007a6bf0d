"""As much of a Docker engine's API as the `docker` client asks for here, over a unix socket."""

import contextlib
import json
import re
import socketserver
import threading
from http.server import BaseHTTPRequestHandler

PROJECT, SERVICE = "com.docker.compose.project", "com.docker.compose.service"


class DockerDouble:
    def __init__(self):
        self.replicas = 2
        self.starts = 0
        self.changes = []
        self.sick = set()
        self.containers = {name: self.started() for name in ("web-1", "web-2")}

    def started(self):
        self.starts += 1
        return {"Running": True, "StartedAt": f"2026-01-01T00:00:{self.starts:02d}Z"}

    def service(self):
        return {
            "ID": "s1",
            "Version": {"Index": 10 + len(self.changes)},
            "Spec": {
                "Name": "web",
                "Mode": {"Replicated": {"Replicas": self.replicas}},
                "TaskTemplate": {"ContainerSpec": {"Image": "shop"}},
            },
            "ServiceStatus": {"RunningTasks": self.replicas, "DesiredTasks": self.replicas},
        }

    def container(self, name):
        state = dict(self.containers[name])
        if name in self.sick:
            state["Health"] = {"Status": "unhealthy"}
        return {"Id": f"id-{name}", "Name": f"/{name}", "State": state, "Config": {}}

    def answer(self, method, path, body):
        path = re.sub(r"^/v1\.\d+", "", path)
        match [method, *path.partition("?")[0].strip("/").split("/")]:
            case [_, "_ping"]:
                return 200, "OK"
            case [_, "version"]:
                return 200, {"ApiVersion": "1.41", "Version": "20.10.0"}
            case [_, "info"]:
                return 200, {"ID": "ENGINE-1", "Name": "host-1"}
            case ["GET", "services"]:
                return 200, [self.service()]
            case ["GET", "services", "web"]:
                return 200, self.service()
            case ["POST", "services", "s1", "update"]:
                self.replicas = body["Mode"]["Replicated"]["Replicas"]
                self.changes.append(self.replicas)
                return 200, {}
            case ["GET", "containers", "json"]:
                return 200, [
                    {"Id": f"id-{name}", "Names": [f"/{name}"], "State": "running"}
                    | {"Labels": {PROJECT: "shop", SERVICE: "web"}}
                    for name in self.containers
                ]
            case ["GET", "containers", name, "json"] if name in self.containers:
                return 200, self.container(name)
            case ["POST", "containers", name, "restart" | "start"] if name in self.containers:
                self.containers[name] = self.started()
                self.changes.append(name)
                return 204, None
        return 404, {"message": f"no such thing: {path}"}


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@contextlib.contextmanager
def served_engine(path):
    engine = DockerDouble()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            del args

        def reply(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, answer = engine.answer(self.command, self.path, body)
            data = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Api-Version", "1.41")
            self.send_header("Content-Type", "application/json")
            if answer is not None:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def do_GET(self):
            self.reply()

        def do_POST(self):
            self.reply()

        def do_HEAD(self):
            self.reply()

    with _Server(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield engine
        finally:
            server.shutdown()
            thread.join()
