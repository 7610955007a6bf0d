"""A new, sound SQLite file: what can be recovered from a damaged one, or the newest good backup."""

import contextlib
import fnmatch
import os
import shutil
import sqlite3
import subprocess
import time
from pathlib import Path

from grace.runner.action import ActionFailed, Found, Situation, WrongTarget
from grace.runner.actions.database_common import (
    copy_file,
    earlier,
    left,
    need_space,
    read_json,
    setting,
    short,
    sync_folder,
    write_json,
)
from grace.runner.actions.sqlite_rows import complaints, counts, save_rows, sound
from grace.runner.actions.sqlite_target import (
    SqliteStep,
    identify,
    in_words,
    opened,
    path_of,
    quoted,
    sidecars,
    tables,
)

LOST_AND_FOUND = "lost_and_found"


class NewFile(SqliteStep):
    """What recover and restore share: one new, sound file in the run's folder, made once."""

    def _place(self, situation: Situation) -> Path:
        return situation.folder / f"{self.spec.name}-{short(situation.key)}.db"

    def _record(self, situation: Situation) -> Path:
        return self._place(situation).with_suffix(".json")

    def verify(self, situation: Situation) -> Found:
        record = read_json(self._record(situation))
        if record is None:
            return Found(False, "there is no new file yet")
        sound(self._place(situation), situation)
        return Found(True, str(record["sentence"]), {k: record[k] for k in ("path", "rows")})

    def _finish(self, situation: Situation, partial: Path, sentence: str) -> Found:
        """Check a new file, give it its name, and record it: in this order, durably."""
        _plain(partial)
        sound(partial, situation)
        identify(situation, partial)
        rows = sum(count or 0 for count in counts(partial, situation).values())
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        place = self._place(situation)
        partial.replace(place)
        sync_folder(place.parent)
        write_json(
            self._record(situation),
            {"path": str(place), "rows": rows, "sentence": f"{sentence}: {rows} rows"},
        )
        return self.verify(situation)

    def _partial(self, situation: Situation) -> Path:
        situation.folder.mkdir(parents=True, exist_ok=True)
        partial = self._place(situation).with_suffix(".partial")
        for file in (partial, *sidecars(partial)):
            file.unlink(missing_ok=True)
        return partial


class Recover(NewFile):
    """Save every row that can be read, by `sqlite3 .recover` or else by our own reading."""

    def __init__(self) -> None:
        super().__init__("sqlite.recover")

    def look(self, situation: Situation) -> Found:
        done = self.verify(situation)
        if done.holds:
            return done
        way = "by sqlite3 .recover" if self._cli(situation) else "by reading row after row"
        return Found(False, f"would save every readable row into a new file, {way}")

    def act(self, situation: Situation) -> Found:
        done = self.verify(situation)
        if done.holds:
            return done
        copy = Path(str(earlier(situation, self.text(situation, "copy")).get("path", "")))
        if not copy.is_file():
            raise ActionFailed("the copy of the database is gone: run the playbook from its start")
        # The copy stays as it is: whoever opens a database may write to its log.
        work = situation.folder / f"work-{short(situation.key)}"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        for file in (copy, *sidecars(copy)[:2]):
            if file.exists():
                copy_file(file, work / file.name, situation)
        partial = self._partial(situation)
        cli = self._cli(situation)
        try:
            if cli is None or not _recover(cli, work / copy.name, partial, situation):
                self._partial(situation)
                save_rows(work / copy.name, partial, situation)
                way = "read row after row"
            else:
                _part_orphans(partial, situation.folder / "lost_and_found.db", situation)
                way = "recovered by sqlite3"
            return self._finish(situation, partial, way)
        except sqlite3.Error as error:
            raise in_words(error) from error
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _cli(self, situation: Situation) -> str | None:
        return None if self.flag(situation, "own") else shutil.which("sqlite3")


def _recover(cli: str, source: Path, target: Path, situation: Situation) -> bool:
    """Pipe `.recover` of one database into another; False where this sqlite3 cannot do that.

    Some builds lack the module that it needs, and fail at once.
    """
    with subprocess.Popen(
        [cli, "-batch", str(source), ".recover"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as reader:
        try:
            writer = subprocess.run(
                [cli, "-batch", str(target)],
                stdin=reader.stdout,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=left(situation),
                check=False,
            )
            if reader.stdout is not None:
                reader.stdout.close()
            read = reader.wait(left(situation))
        except subprocess.TimeoutExpired as error:
            raise ActionFailed(
                "sqlite3 .recover did not end in time: give the step a longer `timeout_seconds`"
            ) from error
        finally:
            reader.kill()
    if read != 0 or writer.returncode != 0 or not target.exists():
        return False
    return bool(counts(target, situation)) and not complaints(target, situation, "quick")


def _plain(path: Path) -> None:
    """Leave a database in one file: no log, no index of a log beside it."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE").fetchone()


def _part_orphans(path: Path, place: Path, situation: Situation) -> None:
    """Move rows of which nobody knows the table into a file of their own, for people."""
    with opened(path, situation, mode="rw") as connection:
        orphans = [name for name in tables(connection) if name.startswith(LOST_AND_FOUND)]
        if not orphans:
            return
        place.unlink(missing_ok=True)
        connection.execute("ATTACH ? AS beside", (f"{place.as_uri()}?mode=rwc",))
        for name in orphans:
            connection.execute(
                f"CREATE TABLE beside.{quoted(name)} AS SELECT * FROM main.{quoted(name)}"  # noqa: S608 - a quoted name of the schema
            )
            connection.execute(f"DROP TABLE main.{quoted(name)}")


class Restore(NewFile):
    """Take the newest backup that is sound and of this database."""

    def __init__(self) -> None:
        super().__init__("sqlite.restore")

    def look(self, situation: Situation) -> Found:
        done = self.verify(situation)
        if done.holds:
            return done
        best = self._best(situation)
        return Found(False, f"would restore {best.name}, {_age(best)}")

    def act(self, situation: Situation) -> Found:
        done = self.verify(situation)
        if done.holds:
            return done
        best = self._best(situation)
        partial = self._partial(situation)
        for file, name in zip((best, *sidecars(best)), (partial, *sidecars(partial)), strict=True):
            if file.exists() and not file.name.endswith("-shm"):
                copy_file(file, name, situation)
        return self._finish(situation, partial, f"restored {best.name}, {_age(best)}")

    def _best(self, situation: Situation) -> Path:
        folder = Path(setting(situation, "backups"))
        pattern = str(situation.target.get("backup_pattern", "*.db"))
        real = path_of(situation)
        files = [
            f
            for f in (folder.iterdir() if folder.is_dir() else ())
            if f.is_file() and fnmatch.fnmatch(f.name, pattern) and f.resolve() != real
        ]
        for file in sorted(files, key=lambda f: f.stat().st_mtime, reverse=True):
            if self._good(file, situation):
                return file
        raise ActionFailed(
            f"none of {len(files)} backups is sound and of this database: "
            "bring one by hand and run the playbook again"
        )

    def _good(self, file: Path, situation: Situation) -> bool:
        """Look at a copy in the run's folder: a backup's own folder is not written to."""
        trial = self._place(situation).with_suffix(".trial")
        for end in (trial, *sidecars(trial)):
            end.unlink(missing_ok=True)
        situation.folder.mkdir(parents=True, exist_ok=True)
        need_space(situation.folder, file.stat().st_size)
        try:
            for source, name in zip(
                (file, *sidecars(file)), (trial, *sidecars(trial)), strict=True
            ):
                if source.exists() and not source.name.endswith("-shm"):
                    copy_file(source, name, situation)
            identify(situation, trial)
            sound(trial, situation)
        except WrongTarget:
            return False
        except ActionFailed:
            left(situation)
            return False
        else:
            return True
        finally:
            for end in (trial, *sidecars(trial)):
                end.unlink(missing_ok=True)


def _age(path: Path) -> str:
    hours = max(0.0, (time.time() - path.stat().st_mtime) / 3600)
    return f"{hours:.1f} h old"
