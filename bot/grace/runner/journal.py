"""The journal of a run: one file, a line a word, each on the disk before anything follows from it.

A line is `CRC32 JSON`. What a crash cut off at the end of the file is no word and is removed; a
line that is wrong before the end is damage, and nothing is done by such a journal.
"""

import hashlib
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from grace.domain.playbooks.record import WORD, Ordered, Word
from grace.domain.playbooks.run import RunOrder
from grace.runner.errors import JournalDamaged, RunnerError

RUNS: Final = "runs"
FILES: Final = "files"
_JOURNAL: Final = "journal"
_CRC: Final = 8


class Journal:
    """All words of one try: of its first run, and of those that go on from it or undo it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = folder / FILES
        self._path = folder / _JOURNAL
        self._fd: int | None = None

    @classmethod
    def of(cls, state: Path, order: RunOrder) -> "Journal":
        """Find the journal of a run below a runner's state."""
        return cls(state / RUNS / folder_name(order.first or order.id))

    def words(self) -> list[Word]:
        """Read all words; a torn last line is none."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return []
        return [word for word, _ in self._parsed(data)]

    def append(self, word: Word) -> None:
        """Write a word; it is on the disk when this returns."""
        if self._fd is None:
            self._fd = self._open()
        body = WORD.dump_json(word)
        line = b"%08x %s\n" % (zlib.crc32(body), body)
        written = 0
        while written < len(line):
            written += os.write(self._fd, line[written:])
        os.fsync(self._fd)

    def close(self) -> None:
        """Close the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _open(self) -> int:
        """Open the file behind its last whole line; make it, for its owner alone."""
        self.files.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        data = self._path.read_bytes()
        end = max((end for _, end in self._parsed(data)), default=0)
        os.ftruncate(fd, end)
        os.lseek(fd, end, os.SEEK_SET)
        for folder in (self.folder, self.folder.parent, self.folder.parent.parent):
            _sync_folder(folder)
        return fd

    def _parsed(self, data: bytes) -> Iterator[tuple[Word, int]]:
        """Yield each word with the place where its line ends."""
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            word = _word(data[start:end])
            if word is None:
                if end + 1 >= len(data):
                    return  # a block of the last line did not reach the disk
                line = data.count(b"\n", 0, start) + 1
                raise JournalDamaged(
                    f"line {line} of {self._path} is damaged: see what was done to the target, "
                    "set the folder aside, and order the run anew"
                )
            yield word, end + 1
            start = end + 1


def folder_name(run: str) -> str:
    """Name the folder of a run: readable, and no two runs have the same."""
    readable = re.sub(r"[^A-Za-z0-9_.-]", "-", run).strip(".-")[-60:]
    return f"{readable}-{hashlib.sha256(run.encode()).hexdigest()[:8]}"


def split(words: list[Word], run: str) -> tuple[list[Word], list[Word]]:
    """Part a journal into what was written before a run's order, and since."""
    at = next(
        (i for i, w in enumerate(words) if isinstance(w, Ordered) and w.order.id == run),
        len(words),
    )
    end = next((i for i, w in enumerate(words) if i > at and isinstance(w, Ordered)), len(words))
    return words[:at], words[at:end]


def orders_of(words: list[Word]) -> list[RunOrder]:
    """List the orders that a journal holds, in the order they came."""
    return [w.order for w in words if isinstance(w, Ordered)]


def all_journals(state: Path) -> list[Journal]:
    """List the journals of a runner's state, oldest first."""
    folder = state / RUNS
    if not folder.is_dir():
        return []
    found = [p for p in folder.iterdir() if (p / _JOURNAL).is_file()]
    return [Journal(p) for p in sorted(found, key=lambda p: (p / _JOURNAL).stat().st_ctime_ns)]


def open_state(state: Path) -> Path:
    """Make a runner's folder, for its user alone; `RunnerError` where it cannot be."""
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        if state.stat().st_mode & 0o077:
            raise RunnerError(f"{state} is open to other users: chmod 700 {state}")
        if not os.access(state, os.W_OK | os.X_OK):
            raise RunnerError(f"{state} cannot be written by this user: give it to the runner's")
    except OSError as error:
        raise RunnerError(
            f"{state} cannot be used: {error.strerror}; name another `state`"
        ) from error
    return state.resolve()


def _word(line: bytes) -> Word | None:
    crc, body = line[:_CRC], line[_CRC + 1 :]
    if crc != b"%08x" % zlib.crc32(body):
        return None
    try:
        return WORD.validate_json(body)
    except ValidationError:
        return None


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
