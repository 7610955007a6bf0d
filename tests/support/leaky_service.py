"""A small service with hooks: `leaky_service.py PORT KB` leaks that many kB fifty times a second.

`/health`, `/heap`, `/eat` (60 MB at once), POST `/collect` (lets go of what may be let go), `/sick` (health
fails from then on), `/identity`.
"""

import gc
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class State:
    def __init__(self):
        self.kept = []
        self.garbage = []
        self.sick = False
        self.asked = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, *args):
        del args

    def answer(self, body, status=200):
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Service", "shop")
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        state = self.server.state
        state.asked.append(self.path)
        path = self.path.partition("?")[0]
        if path == "/sick":
            state.sick = True
        if path == "/eat":
            state.kept.append(b"x" * 60_000_000)
        if path == "/health":
            self.answer("sick" if state.sick else "well", 503 if state.sick else 200)
        elif path == "/heap":
            self.answer(f"{len(state.kept)} blocks are kept\nbiggest: State.kept\n")
        elif path == "/identity":
            self.answer('{"service": "shop", "at": {"name": "eu-1"}}')
        elif path == "/missing":
            self.answer("no", 404)
        else:
            self.answer("ok")

    def do_POST(self):
        state = self.server.state
        freed = len(state.garbage)
        state.garbage.clear()
        gc.collect()
        self.answer(f"let go of {freed}")


def serve(port, leak_kb=0):
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    server.state = State()
    if leak_kb:
        threading.Thread(target=_leak, args=(server.state, leak_kb), daemon=True).start()
    return server


def _leak(state, leak_kb):
    beat = threading.Event()
    while not beat.wait(0.02):
        state.kept.append(b"x" * (leak_kb * 1024))


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2])).serve_forever()
