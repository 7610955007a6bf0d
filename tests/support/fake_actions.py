"""Actions of the pretended kind on a folder and a real SQLite file, for the runner's own tests.

`python -I .../fake_actions.py` answers one request with them, as `grace.runner.step` does. What is
done is a row of the table `done`; each doing of it adds one to `times`, in the same transaction.
"""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from grace.runner.action import ActionFailed, Found, WrongTarget
from grace.runner.step import Answer, answered, main
from support.playbooks import SPECS

HERE = "support.fake_actions"
PLACES = {name: f"{HERE}:{name.partition('.')[2].title()}" for name in SPECS}
PROGRAM = (sys.executable, "-I", __file__)


def make_target(folder, name="orders"):
    """Make a database that knows its name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "target.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE name (name TEXT)")
        db.execute("INSERT INTO name VALUES (?)", (name,))
        db.execute("CREATE TABLE done (step TEXT PRIMARY KEY, times INTEGER NOT NULL)")
    return {"path": str(path), "name": "orders"}


def done_in(settings):
    """Read what is done, and how often each was."""
    with closing(sqlite3.connect(settings["path"])) as db:
        return dict(db.execute("SELECT step, times FROM done").fetchall())


class Fake:
    """Does what its name says to the row of its step; `break` in the settings makes it fail."""

    name = ""

    @property
    def spec(self):
        return SPECS[f"fake.{self.name}"]

    def identify(self, situation):
        with closing(sqlite3.connect(situation.target["path"])) as db:
            (found,) = db.execute("SELECT name FROM name").fetchone()
        if found != situation.target["name"]:
            raise WrongTarget(f"this is {found}, not {situation.target['name']}; nothing was done")

    def look(self, situation):
        self._trouble("look", situation)
        holds = step_of(situation) in done_in(situation.target)
        told = f"{step_of(situation)} with {situation.target.get('password', 'no password')}"
        return Found(holds, told, {"seen": holds, "secret": situation.target.get("password", "")})

    def act(self, situation):
        self._trouble("act", situation)
        with closing(sqlite3.connect(situation.target["path"])) as db, db:
            db.execute(
                "INSERT INTO done VALUES (?, 1) ON CONFLICT (step) DO UPDATE SET times = times + 1",
                (step_of(situation),),
            )
        self._trouble("acted", situation)
        return Found(True, "done")

    def verify(self, situation):
        self._trouble("verify", situation)
        return Found(step_of(situation) in done_in(situation.target), "looked again")

    def undo(self, situation):
        self._trouble("undo", situation)
        with closing(sqlite3.connect(situation.target["path"])) as db, db:
            db.execute("DELETE FROM done WHERE step = ?", (step_of(situation),))
        return Found(True, "taken back")

    def _trouble(self, when, situation):
        """Do what the settings say is to go wrong: `act mend: fail`."""
        folder = Path(situation.target["path"]).parent
        match situation.target.get(f"{when}_{step_of(situation)}"):
            case "fail":
                raise ActionFailed("it cannot be done: try something else")
            case "fault":
                raise KeyError("a fault of the action")
            case "hang":
                (folder / "hangs").write_text(str(os.getpid()))
                time.sleep(600)
            case "child":
                child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
                (folder / "hangs").write_text(str(child.pid))
                time.sleep(600)
            case "noise":
                sys.stdout.write("not an answer")
            case "kill":
                if not (folder / "killed").exists():
                    (folder / "killed").touch()
                    os.kill(os.getppid(), signal.SIGKILL)
                    time.sleep(600)
            case "environment":
                raise ActionFailed(" ".join(sorted(os.environ)))


def step_of(situation):
    return situation.key.rpartition("/")[2]


class Well(Fake):
    name = "well"

    def look(self, situation):
        self._trouble("look", situation)
        heals = str(situation.target.get("heals", "")).split()
        holds = bool(set(heals) & set(done_in(situation.target)))
        return Found(holds, "it is well" if holds else "it is not well")


class Evidence(Fake):
    name = "evidence"


class Mend(Fake):
    name = "mend"


class Restart(Fake):
    name = "restart"


class Swap(Fake):
    name = "swap"


class Propose(Fake):
    name = "propose"

    def verify(self, situation):
        return Found(True, "proposed", diff="diff --git a/x b/x")


class Wait(Fake):
    name = "wait"


class InProcess:
    """Calls without a process of their own, where a test ends the whole process by itself."""

    async def call(self, request, seconds, log, lock):
        kind = PLACES[request.action].partition(":")[2]
        answer = answered(globals()[kind](), request)
        return Answer.model_validate_json(answer.model_dump_json())


if __name__ == "__main__":
    main(PLACES)
