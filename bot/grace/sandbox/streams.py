"""The three streams of a process: fed, read and awaited without a thread."""

import os
import selectors
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Final

Sink = Callable[[bytes], object]

_CHUNK: Final = 65536


class Streams:
    """Feed a process's input, and keep what it prints; `close` closes all that is open."""

    def __init__(
        self, process: subprocess.Popen[bytes], stdin: bytes | None, sink: Sink | None
    ) -> None:
        self.out = bytearray()
        self.err = bytearray()
        self._sink = sink
        self._left = memoryview(stdin or b"")
        self._input = process.stdin
        self._select = selectors.DefaultSelector()
        self._process = os.pidfd_open(process.pid)
        self._select.register(self._process, selectors.EVENT_READ)
        self._open: dict[int, IO[bytes]] = {}
        for stream, kept in ((process.stdout, self.out), (process.stderr, self.err)):
            assert stream is not None, "the process was started with pipes"
            os.set_blocking(stream.fileno(), False)
            self._open[stream.fileno()] = stream
            self._select.register(stream, selectors.EVENT_READ, kept)
        if self._input is not None:
            os.set_blocking(self._input.fileno(), False)
            self._select.register(self._input, selectors.EVENT_WRITE)

    @property
    def printed(self) -> int:
        """Return how many bytes came, on both streams."""
        return len(self.out) + len(self.err)

    def wait(self, seconds: float) -> bool:
        """Read and write for a moment, and tell whether the process still runs."""
        runs = True
        for key, _ in self._select.select(seconds):
            if key.fd == self._process:
                runs = False
            elif isinstance(key.data, bytearray):
                self._read(key.fd, key.data)
            else:
                self._write()
        return runs

    def drain(self, seconds: float) -> None:
        """Read what is left; a stream that something holds open is left after a while."""
        self._end_input()
        until = time.monotonic() + seconds
        with suppress(KeyError):
            self._select.unregister(self._process)
        while self._open and (left := until - time.monotonic()) > 0:
            for key, _ in self._select.select(left):
                assert isinstance(key.data, bytearray)
                self._read(key.fd, key.data)

    def close(self) -> None:
        self._select.close()
        os.close(self._process)

    def _read(self, fd: int, kept: bytearray) -> None:
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return
        if data:
            kept += data
            if self._sink is not None:
                self._sink(data)
            return
        self._select.unregister(fd)
        del self._open[fd]

    def _write(self) -> None:
        assert self._input is not None
        try:
            self._left = self._left[os.write(self._input.fileno(), self._left[:_CHUNK]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._end_input()  # it reads no more
            return
        if not self._left:
            self._end_input()

    def _end_input(self) -> None:
        if self._input is not None and not self._input.closed:
            self._select.unregister(self._input)
            self._input.close()
