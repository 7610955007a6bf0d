"""What the kernel's limits do not bound: all processes of a run together, seen from outside.

Sources: proc(5), statvfs(3).
"""

import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from grace.sandbox.model import Bounds, Why

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_DISK_EVERY_S: Final = 0.5
# A look at a large tree is paid for by as much time as this many such looks take.
_DISK_PAUSE: Final = 10
# What other programs on the machine write meanwhile must not make every look a long one.
_ROOM_DROP: Final = 0.9


Mine = Callable[[Path, list[bytes]], bool]


@dataclass(frozen=True, slots=True)
class Used:
    """What all processes of a run use at one moment."""

    tasks: int = 0
    memory_bytes: int = 0
    cpu_s: float = 0.0


@dataclass
class Watch:
    """Look at a run again and again; `excess` names the bound that it is over.

    `procs` is a /proc that shows the run's processes, `mine` says which of them are.
    """

    bounds: Bounds
    places: tuple[Path, ...]
    procs: Path
    mine: Mine
    _first_size: int = field(init=False)
    _first_room: tuple[int, ...] = field(init=False)
    _first_shared: int = field(init=False)
    _next_disk: float = field(init=False)

    def __post_init__(self) -> None:
        self._first_size, _ = _sizes(self.places)
        self._first_room = tuple(_room(place) for place in self.places)
        self._first_shared = _shared()
        self._next_disk = time.monotonic() + _DISK_EVERY_S

    def excess(self) -> Why | None:
        """Return the first bound that is passed now."""
        used = self.used()
        if used.tasks >= self.bounds.processes:
            return "processes"
        if used.memory_bytes > self.bounds.memory_bytes or self._hoards_shared():
            return "memory"
        if self.bounds.cpu_s is not None and used.cpu_s > self.bounds.cpu_s:
            return "cpu"
        lost = self._lost_room() > self.bounds.disk_bytes * _ROOM_DROP
        if not lost and time.monotonic() < self._next_disk:
            return None
        return "disk" if self.wrote() > self.bounds.disk_bytes else None

    def used(self) -> Used:
        """Count tasks, resident memory and processor time, reaped children included."""
        tasks, pages, ticks = 0, 0, 0
        for _, fields in self._processes():
            tasks += int(fields[17])
            pages += int(fields[21])
            ticks += sum(int(each) for each in fields[11:15])
        return Used(tasks, pages * _PAGE, ticks / _TICKS)

    def wrote(self) -> int:
        """Return by how many bytes the places grew, with open files that were deleted.

        Where a folder does not let itself be read, for its mode or its depth, all the room that
        the file system has lost counts.
        """
        began = time.monotonic()
        now, whole = _sizes(self.places)
        size = now - self._first_size + self._held()
        took = time.monotonic() - began
        self._next_disk = began + took + max(_DISK_EVERY_S, took * _DISK_PAUSE)
        return size if whole else max(size, self._lost_room())

    def _lost_room(self) -> int:
        """Return how much less room there is than at the beginning, whoever took it."""
        pairs = zip(self._first_room, self.places, strict=True)
        return max((first - _room(place) for first, place in pairs), default=0)

    def _hoards_shared(self) -> bool:
        """Tell whether files in memory that nothing maps, such as memfd_create's, are too much."""
        if _shared() - self._first_shared <= self.bounds.memory_bytes:
            return False
        return self._held() > self.bounds.memory_bytes

    def _held(self) -> int:
        """Add up the open files without a name, each once."""
        found: dict[tuple[int, int], int] = {}
        for path, _ in self._processes():
            try:
                links = list((path / "fd").iterdir())
            except OSError:
                continue  # it ended meanwhile
            for link in links:
                try:
                    seen = link.stat()
                except OSError:
                    continue  # closed meanwhile
                if stat.S_ISREG(seen.st_mode) and seen.st_nlink == 0:
                    found[seen.st_dev, seen.st_ino] = seen.st_blocks * 512
        return sum(found.values())

    def _processes(self) -> Iterator[tuple[Path, list[bytes]]]:
        """Yield each process with the fields of its `stat` from the third, the state, on."""
        try:
            names = [name for name in os.listdir(self.procs) if name.isdecimal()]  # noqa: PTH208 - often
        except OSError:
            return  # the run has ended
        for name in names:
            path = self.procs / name
            try:
                fields = (path / "stat").read_bytes().rpartition(b") ")[2].split()
            except OSError:
                continue  # it ended meanwhile
            if self.mine(path, fields):
                yield path, fields


def _sizes(places: tuple[Path, ...]) -> tuple[int, bool]:
    """Add up what lies in the places, links not followed, and say whether all was seen."""
    total, whole = 0, True
    waiting = [str(place) for place in places]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    total += _blocks(entry)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except (FileNotFoundError, NotADirectoryError):
            continue  # removed meanwhile, or a file or socket that is shown by itself
        except OSError:
            whole = False
    return total, whole


def _blocks(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_blocks * 512
    except OSError:
        return 0  # removed meanwhile


def _room(place: Path) -> int:
    seen = os.statvfs(place)
    return seen.f_bfree * seen.f_frsize


def _shared() -> int:
    """Return the machine's shared memory in bytes."""
    for line in Path("/proc/meminfo").read_bytes().splitlines():
        if line.startswith(b"Shmem:"):
            return int(line.split()[1]) * 1024
    return 0
