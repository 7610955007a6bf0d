"""One process acts on a target at a time, on this machine."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from grace.runner.errors import TargetBusy

LOCKS: Final = "locks"


@contextmanager
def alone_with(state: Path, target: str) -> Iterator[int]:
    """Lock a target; yield the descriptor that holds the lock. `TargetBusy`: another has it.

    A process that is given the descriptor keeps the lock as long as it lives, so that what a killed
    runner left running is waited for.
    """
    folder = state / LOCKS
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(folder / f"{target}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TargetBusy(
                f"another process acts on {target}: wait for it, or end it first"
            ) from error
        yield fd
    finally:
        os.close(fd)
