"""One process a store: an advisory lock on a file beside it, freed by the kernel when we die."""

import fcntl
import os
from pathlib import Path

from grace.adapters.sqlite.errors import StoreLocked


class ProcessLock:
    """Hold `PATH.lock` until `release`. The file stays: removing it would let two processes in."""

    def __init__(self, store: Path) -> None:
        self._path = store.with_name(f"{store.name}.lock")
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(self._handle, 20, 0).decode("ascii", "replace").strip()
            os.close(self._handle)
            raise StoreLocked(
                f"{store} is in use by process {owner or 'unknown'} (lock {self._path}): "
                "stop that process, or give this one a store of its own"
            ) from error
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next process in."""
        os.close(self._handle)
