"""The agent `bump`: another version of a dependency that a report or a test's output names."""

import platform
import sys
from dataclasses import dataclass
from typing import Final

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from grace.agents.judge import AgentError, Refused
from grace.agents.needs import Need, needs_in
from grace.agents.place import Command, end_of, execute
from grace.agents.releases import Releases, at_index, in_folder
from grace.agents.requirements import Declared, declared_in, edit
from grace.agents.room import Found, Room
from grace.domain.proposals import AgentTask, Refusal

# How many versions are tried where nothing says which one is needed.
MAX_TRIED: Final = 4
_INSTALL_S: Final = 300.0


def bump(room: Room) -> Found:
    """Move a dependency to a version that is needed, consistently in all files that declare it.

    Only what the repository already declares is moved, and a file with hashes gets the hashes of
    the new version. Raises `Refused` where no dependency is named, or nobody says what versions
    there are.
    """
    declared = declared_in(room.place.checkout)
    need = _need(room.task, declared)
    places = [place for place in declared if place.name == need.name]
    known = _releases(room, need.name)
    now = next((place.pin for place in places if place.pin is not None), None)
    chosen = _chosen(room, need, known, now)
    hashes = known.digests(chosen.version)
    if not hashes and any(place.hashes for place in places):
        raise _none(f"{need.name} {chosen.version} has no known digests, and the lock file has.")
    needed = need.versions if need.versions is not None else chosen.specifier
    edit(room.place.checkout, places, chosen.version, needed, hashes)
    files = ", ".join(dict.fromkeys(place.file for place in places))
    was = f" from {now}" if now is not None else ""
    return Found(
        rationale=(
            f"Moves {need.name}{was} to {chosen.version} in {files}, for it is said: "
            f"\u201c{need.because[:300]}\u201d. {chosen.told}"
        ),
        plausible=chosen.plausible,
        test_again=False,
    )


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A version, and what a trial of it showed; `plausible` None: there was none."""

    version: Version
    plausible: bool | None
    told: str

    @property
    def specifier(self) -> SpecifierSet:
        return SpecifierSet(f"=={self.version}")


def _need(task: AgentTask, declared: tuple[Declared, ...]) -> Need:
    """Return the surest need that is said; what programs print counts before what people write."""
    names = {place.name for place in declared}
    if not names:
        raise _none("No requirements file and no pyproject.toml here declares a dependency.")
    printed = "\n".join((task.failing_output, *(f.message for f in task.failing)))
    written = "\n".join((task.mission.summary, *(s.description for s in task.mission.symptoms)))
    found = (*needs_in(printed, names), *needs_in(written, names))
    if not found:
        raise _none(
            "Neither the tests nor the report name a version of a dependency that is declared here "
            "as needed or bad; a name is never guessed."
        )
    return found[0]


def _releases(room: Room, name: str) -> Releases:
    """Ask the folder of wheels, or the index where the agent may use the network."""
    place = room.place
    python = platform.python_version()
    try:
        if place.wheels is not None:
            return Releases.of(in_folder(place.wheels, name), python)
        if room.agent.network:
            return Releases.of(at_index(place.index, name), python)
    except AgentError as error:
        raise _none(str(error)) from error
    raise _none(
        f"Which versions of {name} there are is not known without a network: allow it, or give a "
        "folder of wheels."
    )


def _chosen(room: Room, need: Need, known: Releases, now: Version | None) -> _Chosen:
    """Choose the newest version that is needed, or the nearest with which the test succeeds."""
    versions = [version for version in known.versions() if version != now]
    if need.versions is not None:
        fit = [v for v in versions if need.versions.contains(v, prereleases=True)]
        if not fit:
            raise _none(f"There is no {need.name}{need.versions} to be had.")
        nearest = fit[0]
        if room.place.test is None:
            return _Chosen(nearest, None, "No test was given to try it with.")
        passed = _tried(room, need.name, nearest)
        told = "succeeds" if passed else "still fails"
        return _Chosen(nearest, passed, f"The test {told} with it.")
    room.test_wanted()
    older = [v for v in versions if now is not None and v < now]
    newer = [v for v in reversed(versions) if now is not None and v > now]
    for version in [v for pair in _pairs(older, newer) for v in pair][:MAX_TRIED]:
        if _tried(room, need.name, version):
            told = "Nothing says which version is needed; this is the nearest with which the test "
            return _Chosen(version, True, f"{told}succeeds.")
    raise _none(f"The test succeeds with no version of {need.name} that is near to {now}.")


def _pairs(older: list[Version], newer: list[Version]) -> list[list[Version]]:
    longest = max(len(older), len(newer))
    return [[*older[i : i + 1], *newer[i : i + 1]] for i in range(longest)]


def _tried(room: Room, name: str, version: Version) -> bool:
    """Install a version aside, in the sandbox, and run the test with it before all others."""
    target = room.left / f"with-{name}-{version}"
    wheels = room.place.wheels
    source = ("--index-url", room.place.index)
    if wheels is not None:
        source = ("--no-index", "--find-links", str(wheels))  # type: ignore[assignment]
    command = Command(
        argv=(
            *(_python(room), "-m", "pip", "install", "--quiet", "--no-deps", "--no-input"),
            *(
                "--disable-pip-version-check",
                "--target",
                str(target),
                *source,
                f"{name}=={version}",
            ),
        ),
        seconds=min(room.seconds(), _INSTALL_S),
        network=room.agent.network and wheels is None,
        writable=(room.left,),
        readable=() if wheels is None else (wheels,),
    )
    ended = execute(room.place, command)
    if not ended.succeeded:
        raise _none(f"{name} {version} cannot be installed here: {end_of(ended)[-300:]}")
    passed = room.run_test(env={"PYTHONPATH": str(target)}, readable=(target,)).succeeded
    room.place.say(f"{name} {version}: {'succeeds' if passed else 'fails'}")
    return passed


def _python(room: Room) -> str:
    """Return the Python of the tests where one was named, else our own."""
    for folder in room.place.path:
        if (folder / "python").exists():
            return str(folder / "python")
    return sys.executable


def _none(sentence: str) -> Refused:
    return Refused(Refusal.NO_PATCH, sentence)
