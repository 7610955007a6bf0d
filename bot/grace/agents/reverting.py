"""The agent `revert`: find the commit that made a test fail, by bisecting, and take it back."""

import re
import shlex
import shutil
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final

from grace.agents.history import History
from grace.agents.judge import Refused
from grace.agents.room import Found, Room
from grace.domain.proposals import Refusal
from grace.domain.render import one_line
from grace.sandbox import Ended

MAX_COMMITS: Final = 128
MAX_RUNS: Final = 24
# A test that could not be run, by convention of `git bisect run` and of shells.
_CANNOT: Final = frozenset({125, 126, 127})
_TEST: Final = re.compile(r"(?:^|/)(?:tests?/.*|test_[^/]*|[^/]*_test\.\w+|conftest\.py)$")


class Answer(Enum):
    """What the test says of a commit."""

    GOOD = "good"
    BAD = "bad"
    CANNOT_TELL = "cannot tell"


def revert(room: Room) -> Found:
    """Bisect the commits that landed lately by the test, and revert the one that broke it.

    It is proven by three runs: the test succeeds before the commit, fails with it, and succeeds at
    the base without it. Raises `Refused` where there is none such, or taking it back conflicts.
    """
    room.test_wanted()
    history = History.of(room.own / "history", room.place.checkout, room.task.base)
    trial = _Trial(room, history, _tests_of(room, history))
    culprit = _bisected(trial, _suspects(room, history))
    name = f"{culprit[:12]} ({one_line(history.subject(culprit), 100)})"
    if history.is_revert(culprit):
        raise _none(f"{name} made the test fail, and takes a change back itself: a person decides.")
    if all(_TEST.search(path) for path in history.paths(culprit)):
        raise _none(f"{name} made the test fail, and changed tests alone: reverting it hides that.")
    tree = history.reverted(culprit)
    if tree is None:
        raise _none(
            f"{name} made the test fail, but later commits changed the same lines: taking it back "
            "conflicts, so a person or a coding agent must."
        )
    if trial.run(tree) is not Answer.GOOD:
        raise _none(f"{name} made the test fail, but the test fails at the base without it too.")
    return Found(
        diff=history.diff(tree),
        rationale=(
            f"Takes back {name}. The test succeeds at its parent, fails with it, and succeeds at "
            f"the base without it; {trial.runs} runs of the test were needed. That makes the "
            "revert plausible: what else the commit was for is lost with it."
        ),
        plausible=True,
    )


@dataclass
class _Trial:
    """Runs the test on files of other commits, each once, with the tests as the base has them."""

    room: Room
    history: History
    tests: tuple[str, ...]
    runs: int = 0
    failed_with: int | None = None
    known: dict[str, Answer] = field(default_factory=dict)

    def run(self, tree: str) -> Answer:
        if tree not in self.known:
            if self.runs >= MAX_RUNS:
                raise _none(f"{self.runs} runs of the test did not find the commit that broke it.")
            self.known[tree] = self._read(self._ran(tree))
            self.room.place.say(f"{tree[:12]}: {self.known[tree].value}")
        return self.known[tree]

    def _ran(self, tree: str) -> Ended:
        self.runs += 1
        files = self.room.own / f"at-{self.runs}"
        self.history.write(tree, files, self.tests)
        try:
            return self.room.run_test(files)
        finally:
            shutil.rmtree(files, ignore_errors=True)

    def at_base(self) -> Answer:
        """Run the test at the base; how it fails there is what failing means elsewhere."""
        ended = self._ran(self.history.base)
        self.failed_with = None if ended.why != "exit" else ended.status
        self.known[self.history.base] = Answer.GOOD if ended.succeeded else Answer.BAD
        return self.known[self.history.base]

    def _read(self, ended: Ended) -> Answer:
        """Tell a test that fails from one that could not be run at all."""
        if ended.succeeded:
            return Answer.GOOD
        if ended.why != "exit":
            return Answer.BAD if self.failed_with is None else Answer.CANNOT_TELL
        same = ended.status == self.failed_with
        return Answer.BAD if same and ended.status not in _CANNOT else Answer.CANNOT_TELL


def _suspects(room: Room, history: History) -> list[str]:
    """List the commits to look among, newest first: as the task names them, else the latest."""
    chain = history.first_parents(MAX_COMMITS + 1)
    named = [commit for commit in room.task.suspects if history.knows(commit)]
    landed = {history.landed_by(commit) for commit in named} & set(chain)
    if landed:
        oldest = max(chain.index(commit) for commit in landed if commit is not None)
        chain = chain[: oldest + 2]
    if len(chain) == 1:
        raise _none("There is one commit only: nothing can be taken back.")
    return chain


def _bisected(trial: _Trial, chain: list[str]) -> str:
    """Return the newest commit of a chain from which on the test fails; its last is the oldest."""
    if trial.at_base() is Answer.GOOD:
        raise _none("The test does not fail in a fresh checkout of the base.")
    good = _oldest_good(trial, chain)
    bad = 0
    while good - bad > 1:
        middle = _answering(trial, chain, bad, good)
        if middle is None:
            between = ", ".join(commit[:12] for commit in chain[bad:good])
            raise _none(f"One of {between} made the test fail, and it cannot be run between them.")
        if trial.run(chain[middle]) is Answer.GOOD:
            good = middle
        else:
            bad = middle
    return chain[bad]


def _oldest_good(trial: _Trial, chain: list[str]) -> int:
    """Find a commit where the test still succeeds, by steps that double."""
    step = 1
    while step < len(chain) - 1:
        if trial.run(chain[step]) is Answer.GOOD:
            return step
        step *= 2
    last = len(chain) - 1
    if trial.run(chain[last]) is not Answer.GOOD:
        raise _none(
            f"The test does not succeed {last} commits ago either: no commit since then broke it."
        )
    return last


def _answering(trial: _Trial, chain: list[str], bad: int, good: int) -> int | None:
    """Find the commit nearest to the middle on which the test can be run."""
    middle = (bad + good) // 2
    for index in sorted(range(bad + 1, good), key=lambda at: abs(at - middle)):
        if trial.run(chain[index]) is not Answer.CANNOT_TELL:
            return index
    return None


def _tests_of(room: Room, history: History) -> tuple[str, ...]:
    """List the files of the failing tests, which stay as they are while the rest is older."""
    try:
        words = shlex.split(room.test_wanted())
    except ValueError:
        words = []
    told = [failing.file for failing in room.task.failing if failing.file is not None]
    named = [word.split("::", maxsplit=1)[0] for word in words if not word.startswith("-")]
    found = [path for path in (*told, *named) if _TEST.search(path) and _is_file(history, path)]
    return tuple(dict.fromkeys(found))


def _is_file(history: History, path: str) -> bool:
    clean = Path(path)
    return not clean.is_absolute() and ".." not in clean.parts and history.is_file(path)


def _none(sentence: str) -> Refused:
    return Refused(Refusal.NO_PATCH, sentence)
