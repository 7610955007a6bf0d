"""A small package index on loopback, as PEP 691 and 658 say, with files that never existed."""

import contextlib
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DAY = "2026-01-{:02d}T00:00:00Z"


def digest(name):
    return hashlib.sha256(name.encode()).hexdigest()


def file(name, *, day=1, yanked=False, python=">=3.8", metadata=True, uploaded=True):
    """Describe one file of a release."""
    entry = {
        "filename": name,
        "url": f"../files/{name}",
        "hashes": {"sha256": digest(name)},
        "yanked": yanked,
        "requires-python": python,
        "core-metadata": metadata and name.endswith(".whl"),
    }
    return {**entry, "upload-time": DAY.format(day)} if uploaded else entry


class Index:
    def __init__(self):
        self.projects = {}
        self.needs = {}
        self.asked = []
        self.url = ""

    def add(self, project, *files, needs=()):
        self.projects[project] = list(files)
        for each in files:
            self.needs[each["filename"]] = needs

    def answer(self, path):
        """Answer status and body."""
        self.asked.append(path)
        parts = path.strip("/").split("/")
        if parts[0] == "simple" and parts[-1] in self.projects:
            return 200, json.dumps({"name": parts[-1], "files": self.projects[parts[-1]]})
        name = parts[-1].removesuffix(".metadata")
        if name in self.needs and path.endswith(".metadata"):
            lines = "".join(f"Requires-Dist: {need}\n" for need in self.needs[name])
            return 200, f"Metadata-Version: 2.1\nName: x\n{lines}\n"
        return 404, "no such thing"


@contextlib.contextmanager
def served_index():
    index = Index()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args):
            del args

        def do_GET(self):
            status, body = index.answer(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        index.url = f"http://127.0.0.1:{server.server_port}/simple"
        try:
            yield index
        finally:
            server.shutdown()
            thread.join()
