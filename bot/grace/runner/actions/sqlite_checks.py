"""Looking at an SQLite database: is it whole, is it in use, and how does a new file compare."""

from grace.runner.action import ActionFailed, Found, Situation
from grace.runner.actions.database_common import first_file
from grace.runner.actions.database_compare import TOLD, compared
from grace.runner.actions.database_processes import hidden, openers, process
from grace.runner.actions.sqlite_rows import complaints, counts, sound
from grace.runner.actions.sqlite_target import SqliteStep, path_of, sidecars


class Check(SqliteStep):
    """Tell whether the database is whole."""

    def __init__(self) -> None:
        super().__init__("sqlite.check")

    def look(self, situation: Situation) -> Found:
        found = complaints(path_of(situation), situation, self.text(situation, "depth"))
        if not found:
            return Found(True, "the database is whole", {"complaints": 0})
        return Found(
            False,
            f"the database is damaged: {'; '.join(found[:TOLD])}"[:900],
            {"complaints": len(found)},
        )

    def act(self, situation: Situation) -> Found:
        return self.look(situation)

    def verify(self, situation: Situation) -> Found:
        return self.look(situation)


def users(situation: Situation) -> tuple[str, ...]:
    """Say which processes have the database open."""
    path = path_of(situation)
    found = (process(pid) for pid in openers((path, *sidecars(path))))
    return tuple(each.words for each in found if each is not None)


class Unused(SqliteStep):
    """Tell whether nobody has the database open."""

    def __init__(self) -> None:
        super().__init__("sqlite.unused")

    def look(self, situation: Situation) -> Found:
        found = users(situation)
        if found:
            return Found(
                False,
                f"stop its program first; open in {len(found)}: {'; '.join(found[:TOLD])}"[:900],
                {"open": len(found)},
            )
        unseen = hidden()
        more = f" ({unseen} programs of other users cannot be looked into)" if unseen else ""
        return Found(True, f"no process has the database open{more}", {"open": 0})

    def act(self, situation: Situation) -> Found:
        found = self.look(situation)
        if not found.holds:
            raise ActionFailed(found.sentence)
        return found

    def verify(self, situation: Situation) -> Found:
        return self.look(situation)


class Compare(SqliteStep):
    """Compare the rows of each table of a new file with what can be counted in the database."""

    def __init__(self) -> None:
        super().__init__("sqlite.compare")

    def look(self, situation: Situation) -> Found:
        step = self.text(situation, "candidate")
        if first_file(situation, (step,)) is None:
            return Found(False, f"would compare the file of step `{step}`; there is none yet")
        return Found(False, self._compare(situation).sentence)

    def act(self, situation: Situation) -> Found:
        found = self._compare(situation)
        if not found.holds:
            raise ActionFailed(found.sentence)
        return Found(True, "counted", found.values)

    def verify(self, situation: Situation) -> Found:
        return self._compare(situation)

    def _compare(self, situation: Situation) -> Found:
        candidate = first_file(situation, (self.text(situation, "candidate"),))
        if candidate is None:
            raise ActionFailed("there is no new file to compare: the step that makes it failed")
        sound(candidate, situation)
        return compared(
            counts(path_of(situation), situation),
            {name: count or 0 for name, count in counts(candidate, situation).items()},
            self.number(situation, "max_lost_percent"),
        )
