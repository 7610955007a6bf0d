import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

Answer = Callable[["Web", str, bytes], tuple[int, bytes]]


@dataclass
class Web:
    """A real server on the loopback; `answer` decides, `seen` has what was asked."""

    answer: Answer
    url: str = ""
    seen: list[tuple[str, str, str, bytes]] = field(default_factory=list)


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], Web]]:
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Answer) -> Web:
        web = Web(answer)

        class Handler(BaseHTTPRequestHandler):
            wbufsize = -1
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                try:
                    super().handle()
                except (ConnectionResetError, BrokenPipeError):
                    return

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                bearer = self.headers.get("Authorization", "")
                web.seen.append((self.command, self.path, bearer, body))
                status, text = web.answer(web, self.path, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *args: object) -> None:
                return

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

        server = Server(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        web.url = f"http://127.0.0.1:{server.server_address[1]}"
        return web

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one commit, and the current folder."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    env = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.com",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.com",
    }
    (folder / "file").write_text("one\n")
    for args in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "one"]):
        subprocess.run(["git", *args], cwd=folder, env=env, check=True)
    monkeypatch.chdir(folder)
    return folder
