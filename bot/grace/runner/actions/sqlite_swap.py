"""Putting a new SQLite file in the place of a damaged one; a kill at any moment loses nothing.

The order is the point. The new file is made ready beside the old one; the old one is locked against
every SQLite; its log and journal are moved away, for beside the new file they would be played into
it; then one rename puts the new file in place. The old file keeps a second name throughout, and
which file stands in the place is told by its inode.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grace.runner.action import ActionFailed, Found, Situation
from grace.runner.actions.database_common import (
    copy_file,
    earlier,
    first_file,
    names,
    need_space,
    read_json,
    short,
    sync_folder,
    write_json,
)
from grace.runner.actions.database_processes import openers, process
from grace.runner.actions.sqlite_checks import users
from grace.runner.actions.sqlite_copies import fingerprint
from grace.runner.actions.sqlite_locked import PENDING
from grace.runner.actions.sqlite_rows import complaints, sound
from grace.runner.actions.sqlite_target import SqliteStep, identify, path_of, sidecars

# Pending, reserved and the 510 shared bytes: no SQLite can read or write while all are taken.
LOCKED_BYTES = 512


@contextlib.contextmanager
def kept_from_all(path: Path) -> Iterator[None]:
    """Hold the locks that every SQLite needs, on the file that now has this name.

    Until it is let go the file must not be opened and closed elsewhere in this process: that would
    let go of the lock (fcntl(2)).
    """
    handle = os.open(path, os.O_RDWR)
    try:
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, LOCKED_BYTES, PENDING)
        except OSError as error:
            raise ActionFailed(
                "a process reads or writes the database: stop its program first"
            ) from error
        yield
    finally:
        os.close(handle)


@dataclass(frozen=True, slots=True)
class Place:
    """The names beside a database that one swap uses. `tag` is the same at every try."""

    path: Path
    tag: str

    def named(self, what: str) -> Path:
        return self.path.with_name(f"{self.path.name}.grace-{self.tag}.{what}")

    @property
    def new(self) -> Path:
        return self.named("new")

    @property
    def old(self) -> Path:
        return self.named("old")

    def keep(self, what: str) -> None:
        """Give the file in place a second name, a free one, unless it has one already."""
        goal, count = self.named(what), 0
        while goal.exists() and _inode(goal) != _inode(self.path):
            count += 1
            goal = self.named(f"{what}.{count}")
        if not goal.exists():
            goal.hardlink_to(self.path)

    def clear(self, what: str) -> None:
        """Move log and journal from beside the database to beside a kept name, losing none."""
        for file in sidecars(self.path):
            if file.exists():
                end = file.name.removeprefix(self.path.name)
                goal = self.named(what + end)
                count = 1
                while goal.exists():
                    goal = self.named(f"{what}{end}.{count}")
                    count += 1
                file.rename(goal)
        sync_folder(self.path.parent)

    def bring(self, what: str) -> None:
        """Move log and journal of a kept name back beside the database."""
        for file in sidecars(self.path):
            kept = self.named(what + file.name.removeprefix(self.path.name))
            if kept.exists() and not file.exists():
                kept.rename(file)
        sync_folder(self.path.parent)


def _inode(path: Path) -> int | None:
    return path.stat().st_ino if path.exists() else None


class Swap(SqliteStep):
    """Put a new file in the place of the database; undo puts the old one back."""

    def __init__(self) -> None:
        super().__init__("sqlite.swap")

    def _place(self, situation: Situation) -> Place:
        return Place(path_of(situation), short(situation.key))

    def _record(self, situation: Situation) -> Path:
        return situation.folder / f"swap-{short(situation.key)}.json"

    def _swapped(self, situation: Situation, place: Place) -> bool:
        record = read_json(self._record(situation))
        if record is None:
            return False
        return _inode(place.old) == record["old"] != _inode(place.path)

    def look(self, situation: Situation) -> Found:
        place = self._place(situation)
        if self._swapped(situation, place):
            return self.verify(situation)
        self._refuse_used(situation)
        candidate = first_file(situation, names(self._given(situation), "candidates"))
        if candidate is None:
            return Found(False, "would put the new file in place; there is none yet")
        return Found(
            False,
            f"would put {candidate.name} in place and keep the old file as {place.old.name}",
            about=f"{candidate.name} with {fingerprint(candidate, situation)} "
            f"in the place of {place.path.name}, file {_inode(place.path)}",
        )

    def act(self, situation: Situation) -> Found:
        place = self._place(situation)
        if self._swapped(situation, place):
            late = _open(place.old)
        else:
            self._refuse_used(situation)
            self._prepare(situation, place)
            late = self._exchange(situation, place)
        if late:
            self.undo(situation)
            raise ActionFailed("a program opened the database meanwhile: the old file was put back")
        return self.verify(situation)

    def verify(self, situation: Situation) -> Found:
        place = self._place(situation)
        if not self._swapped(situation, place):
            return Found(False, "the old file is in place")
        found = complaints(place.path, situation, "quick")
        if found:
            return Found(False, f"the new file is in place, and is damaged: {found[0]}"[:900])
        return Found(
            True,
            f"the new file is in place; the old one is kept as {place.old.name}",
            {"kept": str(place.old)},
        )

    def undo(self, situation: Situation) -> Found:
        """Put the old file back with its log; what came into the new one since is kept aside."""
        place = self._place(situation)
        if self._swapped(situation, place):
            self._refuse_used(situation)
            with kept_from_all(place.path):
                self._refuse_used(situation)
                place.keep("undone")
                place.clear("undone")
                place.old.replace(place.path)
                sync_folder(place.path.parent)
        record = read_json(self._record(situation))
        if record is None or _inode(place.path) != record["old"]:
            return Found(True, "nothing was put in place, so there is nothing to take back")
        place.bring("old")
        return Found(
            True, f"the old file is back; what was in its place is {place.named('undone').name}"
        )

    def _given(self, situation: Situation) -> dict[str, str]:
        return {"candidates": self.text(situation, "candidates")}

    def _refuse_used(self, situation: Situation) -> None:
        found = users(situation)
        if found:
            raise ActionFailed(f"stop its program first: {found[0]} has the database open")

    def _prepare(self, situation: Situation, place: Place) -> None:
        """Make the new file ready beside the old one, checked and with its owner and mode."""
        candidate = first_file(situation, names(self._given(situation), "candidates"))
        if candidate is None:
            raise ActionFailed("no earlier step has left a new file to put in place")
        need_space(place.path.parent, candidate.stat().st_size)
        copy_file(candidate, place.new, situation)
        sound(place.new, situation)
        identify(situation, place.new)
        for file in sidecars(place.new):
            file.unlink(missing_ok=True)
        about = place.path.stat()
        shutil.copymode(place.path, place.new)
        if (about.st_uid, about.st_gid) != (os.getuid(), os.getgid()):
            os.chown(place.new, about.st_uid, about.st_gid)

    def _exchange(self, situation: Situation, place: Place) -> bool:
        """Put the new file in place; answer whether a program has the old one open all the same."""
        copied = str(earlier(situation, self.text(situation, "copy")).get("of"))
        # A try that was killed half-way may have moved the log away.
        place.bring("old")
        before = place.path.stat()
        if fingerprint(place.path, situation) != copied:
            place.new.unlink()
            raise ActionFailed(
                "the database was written since it was copied: run the playbook again, "
                "with its program stopped"
            )
        with kept_from_all(place.path):
            self._refuse_used(situation)
            if _state(place.path.stat()) != _state(before):
                raise ActionFailed("the database was written just now: run the playbook again")
            write_json(self._record(situation), {"old": before.st_ino})
            if not place.old.exists():
                place.old.hardlink_to(place.path)
            place.clear("old")
            place.new.replace(place.path)
            sync_folder(place.path.parent)
            return _open(place.old)


def _state(about: os.stat_result) -> tuple[int, int, int]:
    return about.st_ino, about.st_mtime_ns, about.st_size


def _open(path: Path) -> bool:
    return any(process(pid) is not None for pid in openers((path,)))
