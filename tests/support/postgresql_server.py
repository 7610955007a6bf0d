"""A PostgreSQL server of our own for tests, with checksums, on a free port."""

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

# Debian keeps its programs out of everybody's way.
PROGRAMS = next(
    (
        Path(found).resolve().parent
        for found in (
            shutil.which("initdb"),
            *sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True),
        )
        if found is not None
    ),
    None,
)


class Server:
    """A running server. `run` starts a program as the server's user."""

    def __init__(self, data, port, as_user):
        self.data, self.port, self.as_user = data, port, as_user

    def url(self, database="postgres", user="grace"):
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def run(self, program, *arguments):
        command = [PROGRAMS / program, *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", **self.as_user)

    def control(self, *arguments):
        self.run("pg_ctl", "-D", self.data, "-w", "-l", self.data / "log", *arguments)

    def start(self):
        options = (
            "-c listen_addresses=127.0.0.1 -c fsync=off -c unix_socket_directories= "
            f"-c autovacuum=off -c max_prepared_transactions=2 -p {self.port}"
        )
        self.control("-o", options, "start")

    def stop(self):
        self.control("-m", "fast", "stop")


@contextmanager
def server():
    """Start a server in a folder that only its own user sees; stop it at the end."""
    as_user = {}
    if os.geteuid() == 0:  # it refuses to run as root
        as_user = {"user": "postgres", "group": "postgres", "extra_groups": []}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Not in pytest's folder, into which nobody but its owner may look.
    with tempfile.TemporaryDirectory() as folder:
        if as_user:
            shutil.chown(folder, as_user["user"], as_user["group"])
        made = Server(Path(folder) / "data", port, as_user)
        made.run("initdb", "-A", "trust", "--no-sync", "-k", "-U", "grace", made.data)
        made.start()
        yield made
        made.control("-m", "immediate", "stop")
