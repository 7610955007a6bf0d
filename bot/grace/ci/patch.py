"""A coding agent's run: a command without secrets goes in, a bounded patch comes out as data."""

import hashlib
import json
import os
import re
import secrets
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer
from pydantic import Field, ValidationError

from grace.ci.errors import CheckoutInvalid, PatchRefused
from grace.ci.piece import git
from grace.ci.process import SHELL, running
from grace.domain.base import Frozen
from grace.domain.hidden import strip_characters, strip_hidden
from grace.domain.package import MissionId, MissionPackage
from grace.domain.results import Count, Sha

MAX_MISSION_BYTES = 2 * 1024 * 1024
MAX_PATHS = 1000
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "CI")
_SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|PRIVATE|CREDENTIAL|API_?KEY", re.IGNORECASE)
_REFUSED = re.compile(r"\.github/(?:workflows|actions)(?:/|$)", re.IGNORECASE)
_PROSE = frozenset({"description", "summary", "excerpt", "detected_by", "assigned_to", "source"})
_PLAIN = frozenset({"000000", "100644", "100755"})


class PatchWanted(Frozen):
    """What to run, for which mission, on which commit, and within which bounds."""

    command: Annotated[str, Field(min_length=1)]
    mission: Path
    base: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    max_bytes: Annotated[int, Field(ge=1, le=10_000_000)] = 200_000
    limit_s: Annotated[float, Field(gt=0)] = 1800.0


class PatchProposed(Frozen):
    """What a patch is: `tree` is what it makes of `base_sha`, `sha256` is over its bytes."""

    v: Literal[1] = 1
    mission_id: MissionId
    base_sha: Sha
    tree: Sha
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: Count
    paths: Annotated[tuple[str, ...], Field(min_length=1, max_length=MAX_PATHS)]


def propose(
    wanted: PatchWanted, checkout: Path, env: Mapping[str, str]
) -> tuple[PatchProposed, bytes]:
    """Run the agent in a checkout of the base and return what it changed.

    Raises `PatchRefused` where the environment holds a secret, the agent fails, or its patch is
    empty, too large or touches what it may not.
    """
    refuse_secrets(env)
    mission = _mission(wanted.mission)
    _untouched(checkout, wanted.base)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        own = _Own(place / "git", checkout, wanted.base)
        told = place / "mission.json"
        told.write_text(_told(mission), encoding="utf-8")
        _run(wanted, checkout, place, told)
        diff, tree, paths = own.changed(wanted.max_bytes)
    proposed = PatchProposed(
        mission_id=mission.mission_id,
        base_sha=wanted.base,
        tree=tree,
        sha256=hashlib.sha256(diff).hexdigest(),
        size=len(diff),
        paths=paths,
    )
    return proposed, diff


def refuse_secrets(env: Mapping[str, str]) -> None:
    """Refuse an environment with a secret: the agent could read this process's own."""
    found = sorted(name for name, value in env.items() if value and _SECRET.search(name))
    if found:
        raise PatchRefused(
            f"the environment has {', '.join(found)}: run the agent in a job without secrets and "
            "without `id-token: write`"
        )


class _Own:
    """A git folder that the agent never sees, so that nothing it writes there steers git."""

    def __init__(self, folder: Path, checkout: Path, base: str) -> None:
        self._checkout = checkout
        self._base = base
        self._env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_ATTR_NOSYSTEM": "1",
        }
        git(checkout, "init", "-q", "--bare", str(folder), env=self._env)
        self._env |= {"GIT_DIR": str(folder), "GIT_WORK_TREE": str(checkout)}
        git(checkout, "fetch", "-q", "--depth=1", "--no-tags", str(checkout), base, env=self._env)
        git(checkout, "read-tree", base, env=self._env)

    def changed(self, max_bytes: int) -> tuple[bytes, str, tuple[str, ...]]:
        """Return the diff, the tree that it makes and the paths in it."""
        self._git("add", "--all")
        paths = self._paths()
        plain = ("--no-ext-diff", "--no-textconv", "--no-renames", "--no-color", "--full-index")
        diff = self._raw("diff", "--cached", *plain, self._base)
        if len(diff) > max_bytes:
            raise PatchRefused(f"the patch has {len(diff)} bytes; at most {max_bytes} may leave")
        try:
            diff.decode()
        except UnicodeDecodeError as error:
            raise PatchRefused("the patch is not UTF-8 text") from error
        return diff, self._git("write-tree"), paths

    def _paths(self) -> tuple[str, ...]:
        listed = self._raw("diff-index", "--cached", "--raw", "-z", "--no-renames", self._base)
        fields = listed.decode("utf-8", "surrogateescape").split("\0")[:-1]
        paths = tuple(fields[1::2])
        if not paths:
            raise PatchRefused("the agent changed nothing")
        if len(paths) > MAX_PATHS:
            raise PatchRefused(f"the patch touches {len(paths)} files; at most {MAX_PATHS} may")
        for told, path in zip(fields[::2], paths, strict=True):
            if _REFUSED.match(path):
                raise PatchRefused(f"the patch touches {path!r}, which only people may change")
            modes = set(told.removeprefix(":").split(" ")[:2])
            if not modes <= _PLAIN:
                raise PatchRefused(f"{path!r} is a link or a repository, not a plain file")
        counts = self._raw("diff", "--cached", "--numstat", "-z", "--no-renames", self._base)
        if b"-\t-\t" in counts:
            raise PatchRefused("the patch holds binary data")
        return paths

    def _git(self, *args: str) -> str:
        return git(self._checkout, *args, env=self._env)

    def _raw(self, *args: str) -> bytes:
        argv = ("git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", *args)
        done = subprocess.run(
            argv, cwd=self._checkout, env=self._env, capture_output=True, check=False
        )
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()
            raise CheckoutInvalid(f"git {args[0]} failed in the checkout: {said}")
        return done.stdout


def _told(mission: MissionPackage) -> str:
    """Write a mission for an agent: it reads what people who read the issue could see, no more."""
    fields = mission.model_dump(mode="json")
    return json.dumps(_seen(fields), indent=1, ensure_ascii=False)


def _seen(value: object, field: str = "") -> object:
    match value:
        case str() if field in _PROSE:
            return strip_hidden(value)
        case str():
            return strip_characters(value)
        case list():
            return [_seen(each, field) for each in value]
        case dict():
            return {key: _seen(each, key) for key, each in value.items()}
        case _:
            return value


def _mission(file: Path) -> MissionPackage:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise PatchRefused(f"no mission package at {file.name}: {error.strerror}") from error
    if len(data) > MAX_MISSION_BYTES:
        raise PatchRefused(f"the mission package has more than {MAX_MISSION_BYTES} bytes")
    try:
        return MissionPackage.model_validate_json(data)
    except ValidationError as error:
        raise PatchRefused(f"{file.name} is no mission package: {error}") from error


def _untouched(checkout: Path, base: str) -> None:
    head = git(checkout, "rev-parse", "HEAD")
    if head != base:
        raise CheckoutInvalid(f"the checkout is at {head}, not at the base {base}: check that out")
    changed = git(checkout, "status", "--porcelain")
    if changed:
        first = changed.splitlines()[0].strip()
        raise CheckoutInvalid(
            f"the checkout differs from its commit: {first}; keep the mission package and other "
            "files outside of it, such as in $RUNNER_TEMP"
        )


def _run(wanted: PatchWanted, checkout: Path, place: Path, mission: Path) -> None:
    """Run the agent with an empty home, and what it prints taken for no workflow command."""
    home, tmp = place / "home", place / "tmp"
    home.mkdir()
    tmp.mkdir()
    env = {name: os.environ[name] for name in _KEPT if name in os.environ}
    env |= {"HOME": str(home), "TMPDIR": str(tmp)}
    env |= {"GRACE_MISSION": str(mission), "GRACE_BASE": wanted.base}
    argv = (*_cage(checkout, home, tmp), *SHELL, wanted.command)
    mark = secrets.token_hex(16)
    typer.echo(f"::stop-commands::{mark}")
    try:
        with running(argv, cwd=checkout, env=env) as process:
            status = process.wait(wanted.limit_s)
    except subprocess.TimeoutExpired as error:
        raise PatchRefused(f"the agent did not end within {wanted.limit_s:g} s") from error
    finally:
        typer.echo(f"\n::{mark}::")
    if status != 0:
        raise PatchRefused(f"the agent ended with status {status}")


def _cage(*writable: Path) -> Sequence[str]:
    """Return what keeps the agent from other processes and files, where bubblewrap works here."""
    binds = (arg for path in writable for arg in ("--bind", str(path), str(path)))
    cage = (
        *("bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", *binds),
        *("--unshare-pid", "--die-with-parent", "--cap-drop", "ALL", "--"),
    )
    try:
        tried = subprocess.run((*cage, "true"), capture_output=True, check=False)
    except FileNotFoundError:
        return ()
    return cage if tried.returncode == 0 else ()
