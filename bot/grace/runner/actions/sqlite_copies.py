"""Copies of an SQLite database: byte for byte as it is, or consistent while it is in use."""

import contextlib
import hashlib
import shutil
import sqlite3
from pathlib import Path

from grace.runner.action import ActionFailed, Found, Situation
from grace.runner.actions.database_common import (
    copy_file,
    left,
    need_space,
    read_json,
    short,
    sync_folder,
    write_json,
)
from grace.runner.actions.sqlite_rows import sound
from grace.runner.actions.sqlite_target import (
    SqliteStep,
    in_words,
    opened,
    path_of,
    sidecars,
)

TRIES = 3


def fingerprint(path: Path, situation: Situation) -> str:
    """Sum up the bytes of a database with its log and journal: SHA-256. An empty one is none.

    Never called while this process has the database open: closing it lets go of its locks.
    """
    digest = hashlib.sha256()
    for file in (path, *sidecars(path)[:2]):
        if file.exists() and file.stat().st_size:
            with file.open("rb") as reader:
                while chunk := reader.read(1 << 20):
                    left(situation)
                    digest.update(chunk)
            digest.update(file.name.encode())
    return digest.hexdigest()


class Copy(SqliteStep):
    """Copy the files of the database aside as they are."""

    def __init__(self) -> None:
        super().__init__("sqlite.copy")

    def _place(self, situation: Situation) -> Path:
        return situation.folder / f"copy-{short(situation.key)}"

    def look(self, situation: Situation) -> Found:
        done = self._done(situation)
        if done is not None:
            return done
        path = path_of(situation)
        size = sum(f.stat().st_size for f in (path, *sidecars(path)) if f.exists())
        situation.folder.mkdir(parents=True, exist_ok=True)
        need_space(situation.folder, size)
        return Found(False, f"would copy {size} bytes aside", {"bytes": size})

    def act(self, situation: Situation) -> Found:
        done = self._done(situation)
        if done is not None:
            return done
        self.look(situation)
        path, place = path_of(situation), self._place(situation)
        for _ in range(TRIES):
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
            before = fingerprint(path, situation)
            for file in (path, *sidecars(path)):
                if file.exists():
                    copy_file(file, place / file.name, situation)
            sync_folder(place)
            if fingerprint(place / path.name, situation) == before == fingerprint(path, situation):
                write_json(place / "copy.json", {"path": str(place / path.name), "of": before})
                return self.verify(situation)
        raise ActionFailed("the database was written while it was copied: stop its program first")

    def verify(self, situation: Situation) -> Found:
        done = self._done(situation)
        return done or Found(False, "there is no copy yet")

    def _done(self, situation: Situation) -> Found | None:
        record = read_json(self._place(situation) / "copy.json")
        if record is None or not Path(str(record["path"])).is_file():
            return None
        return Found(True, f"copied aside, SHA-256 {str(record['of'])[:12]}...", record)


class Backup(SqliteStep):
    """Make a consistent copy through SQLite's own backup."""

    def __init__(self) -> None:
        super().__init__("sqlite.backup")

    def _place(self, situation: Situation) -> Path:
        folder = Path(str(situation.target.get("backups", situation.folder)))
        return folder / f"{path_of(situation).stem}-{short(situation.key)}.db"

    def look(self, situation: Situation) -> Found:
        place = self._place(situation)
        if place.exists():
            return self.verify(situation)
        place.parent.mkdir(parents=True, exist_ok=True)
        need_space(place.parent, path_of(situation).stat().st_size)
        return Found(False, "would make a consistent copy")

    def act(self, situation: Situation) -> Found:
        place = self._place(situation)
        if not place.exists():
            self.look(situation)
            partial = place.with_suffix(".partial")
            for file in (partial, *sidecars(partial)):
                file.unlink(missing_ok=True)
            try:
                with (
                    opened(path_of(situation), situation, mode="rw", busy_seconds=5) as source,
                    contextlib.closing(sqlite3.connect(partial)) as target,
                ):
                    source.backup(target, pages=256, progress=lambda *_: left(situation) and None)
                    target.execute("PRAGMA journal_mode = DELETE").fetchone()
            except sqlite3.Error as error:
                raise in_words(error) from error
            sound(partial, situation)
            partial.replace(place)
            sync_folder(place.parent)
        return self.verify(situation)

    def verify(self, situation: Situation) -> Found:
        place = self._place(situation)
        if not place.exists():
            return Found(False, "there is no such copy yet")
        sound(place, situation)
        return Found(True, f"{place.name} is a sound copy", {"path": str(place)})
