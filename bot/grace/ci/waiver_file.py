"""The waiver file of the base, never of the head: a change cannot waive its own findings."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from grace.adapters.config.strict import ConfigProblem, Source, compose, gather, locate
from grace.ci.annotations import annotation
from grace.ci.piece import git, git_bytes
from grace.domain.inspection import WAIVER_FILE as FILE
from grace.domain.waivers import Waivers

MAX_BYTES: Final = 256 * 1024
_PLAIN = ("100644", "100755")
_TITLE = "Waivers"


@dataclass(frozen=True, slots=True)
class WaiverFile:
    """What a waiver file says; `lines` are those of its waivers, in their order, from 1."""

    waivers: Waivers = field(default_factory=Waivers)
    lines: tuple[int, ...] = ()
    problems: tuple[ConfigProblem, ...] = ()

    def warnings(self, now: datetime) -> Iterator[str]:
        """Yield an annotation for what is wrong with the file, and for each waiver that is void."""
        for problem in self.problems:
            yield _warning(problem.line, f"{problem}. Nothing is waived until it is corrected")
        for line, waiver in zip(self.lines, self.waivers.waivers, strict=True):
            void = waiver.void(now)
            if void is not None:
                yield _warning(line, f"{FILE}:{line}: the waiver {void}")


def waivers_of(base: Path | None) -> WaiverFile:
    """Read the waivers of the commit that is checked out as the base; none without a base."""
    if base is None:
        return WaiverFile()
    found = git(base, "ls-tree", "HEAD", "--", FILE)
    if not found:
        return WaiverFile()
    mode, _, sha = found.split("\t")[0].split(" ")
    if mode not in _PLAIN:
        return _broken("is no plain file; make it one")
    return read(git_bytes(base, "cat-file", "blob", sha))


def read(data: bytes) -> WaiverFile:
    """Read a waiver file; a broken one waives nothing and says what is wrong, by line."""
    if len(data) > MAX_BYTES:
        return _broken(f"has more than {MAX_BYTES // 1024} KiB; make it smaller")
    try:
        source = Source(FILE, data.decode("utf-8"))
    except UnicodeDecodeError:
        return _broken("is not UTF-8 text; save it as UTF-8")
    problems: list[ConfigProblem] = []
    waivers = gather(Waivers, source, problems)
    if waivers is None:
        return WaiverFile(problems=tuple(problems))
    root = compose(source)
    nodes = [locate(root, ("waivers", n))[0] for n in range(len(waivers.waivers))]
    lines = tuple(node.start_mark.line + 1 if node else 1 for node in nodes)
    return WaiverFile(waivers=waivers, lines=lines)


def _broken(told: str) -> WaiverFile:
    return WaiverFile(problems=(ConfigProblem(FILE, 1, "", told),))


def _warning(line: int, told: str) -> str:
    return annotation("warning", told, file=FILE, line=line, title=_TITLE)
