"""Speak memcached's text protocol (protocol.txt of its source), and make sure whom to."""

import re
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

from grace.runner.action import ActionFailed, Situation, WrongTarget
from grace.runner.actions.service_target import expect, remaining, setting, setting_number

_MOST = 1_000_000


class Memcached:
    """One connection; values are short text. A key with a blank or over 250 bytes is refused."""

    def __init__(self, connection: socket.socket) -> None:
        self._stream = connection.makefile("rwb")

    def ask(self, line: str) -> str:
        """Send one command and read one line; `ActionFailed` where the server calls it wrong."""
        self._stream.write(line.encode() + b"\r\n")
        self._stream.flush()
        return self._line()

    def get(self, key: str) -> str | None:
        """Read a value, None where there is none."""
        first = self.ask(f"get {_key(key)}")
        if first == "END":
            return None
        size = int(first.split()[3])
        if size > _MOST:
            raise ActionFailed("memcached holds something long where a short mark was expected")
        value = self._stream.read(size + 2)[:size]
        self._line()
        return value.decode("utf-8", "replace")

    def store(self, verb: str, key: str, value: str, seconds: int = 0) -> bool:
        """`set` or `add` a value; False where `add` found one."""
        data = value.encode()
        line = f"{verb} {_key(key)} 0 {seconds} {len(data)}\r\n"
        return self.ask(line + value) == "STORED"

    def increase(self, key: str) -> int | None:
        """Add one to a counter; None where there is none."""
        answer = self.ask(f"incr {_key(key)} 1")
        return int(answer) if answer.isdecimal() else None

    def close(self) -> None:
        self._stream.close()

    def stats(self) -> dict[str, str]:
        """Read the general statistics."""
        found: dict[str, str] = {}
        line = self.ask("stats")
        while line != "END":
            _, name, value = line.split(" ", 2)
            found[name] = value
            line = self._line()
        return found

    def _line(self) -> str:
        line = self._stream.readline(_MOST).decode("utf-8", "replace").rstrip("\r\n")
        if not line:
            raise ActionFailed("memcached ended the connection")
        if line.startswith(("ERROR", "CLIENT_ERROR", "SERVER_ERROR")):
            raise ActionFailed(f"memcached refused: {line[:80]}")
        return line


def _key(key: str) -> str:
    if not re.fullmatch(r"[^\s\x00-\x1f\x7f]{1,250}", key):
        raise ActionFailed("a key of memcached has no blanks and at most 250 characters")
    return key


@contextmanager
def memcached_of(situation: Situation) -> Iterator[Memcached]:
    """Connect to `unix_socket`, or to `host` and `port`."""
    try:
        with _connection(situation) as connection:
            server = Memcached(connection)
            with closing(server):
                yield server
    except OSError as error:
        raise ActionFailed(f"memcached does not answer: {type(error).__name__}") from error


def _connection(situation: Situation) -> socket.socket:
    seconds = remaining(situation)
    path = setting(situation, "unix_socket", "")
    if not path:
        host = setting(situation, "host", "127.0.0.1")
        port = int(setting_number(situation, "port", 11211))
        return socket.create_connection((host, port), timeout=seconds)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(seconds)
    try:
        connection.connect(path)
    except OSError:
        connection.close()
        raise
    return connection


def identify_memcached(situation: Situation, *, flushed: bool = False) -> None:
    """Compare the process or the marker with what is expected; one must be.

    `flushed`: this step has begun to flush this very server, so the marker may be gone.
    """
    process = setting(situation, "expect_pid", "")
    expected = setting(situation, "expect_marker", "")
    if not process and not expected:
        raise WrongTarget(
            "nothing says which memcached is meant: set `expect_marker` or `expect_pid` in the "
            "runner's file"
        )
    with memcached_of(situation) as server:
        if process:
            expect("process id", process, server.stats().get("pid", ""))
        if expected:
            seen = server.get(setting(situation, "marker_key", "grace:identity"))
            if seen is None and flushed:
                return
            expect("marker", expected, seen or "")
