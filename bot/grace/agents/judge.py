"""Judge what a run left in a checkout like the work of a stranger: a bounded diff, or a refusal.

git runs here outside of the sandbox over files that a stranger wrote, so it works from a folder of
its own that was made before the run, and never enters a repository that it finds in the checkout.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from grace.domain.leaks import SecretScan, refusal
from grace.domain.patch_bounds import (
    PatchBounds,
    PatchOutOfBounds,
    check_mode,
    check_path,
)
from grace.domain.proposals import Budget, Refusal, Usage

MAX_ENTRIES: Final = 500_000
_CHUNK: Final = 65536
# What runs of tests and agents leave behind, where a repository does not ignore it itself.
_DROPPINGS: Final = "__pycache__/\n*.pyc\n.pytest_cache/\n.mypy_cache/\n.coverage\n.aider*\n"
_PLAIN_DIFF: Final = (
    *("--no-ext-diff", "--no-textconv", "--no-renames", "--no-color", "--full-index"),
    *("--src-prefix=a/", "--dst-prefix=b/", "--ignore-submodules=all"),
)


class AgentError(Exception):
    """The root of this package's errors; its text is a sentence for a person."""


class Refused(AgentError):
    """A run that leaves no patch: of which kind, the sentence that says why, and what it used."""

    def __init__(self, kind: Refusal, sentence: str, usage: Usage | None = None) -> None:
        super().__init__(sentence)
        self.usage = usage
        self.kind = kind
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Judged:
    """A patch within its bounds; `tree` is what it makes of the base."""

    diff: str
    tree: str
    paths: tuple[str, ...]


class Judge:
    """Holds the base in a git folder of its own, and compares the checkout with it afterwards."""

    def __init__(self, folder: Path, checkout: Path, base: str) -> None:
        """Make the folder, which the run must not see, from a checkout nobody has run in yet.

        Raises `AgentError` where the checkout does not have the base.
        """
        self._checkout = checkout
        self._base = base
        self._env = clean_git(folder)
        git(checkout, "init", "-q", "--bare", str(folder), env=clean_git())
        (folder / "info").mkdir(exist_ok=True)
        (folder / "info" / "exclude").write_text(_DROPPINGS, encoding="utf-8")
        git(checkout, "fetch", "-q", "--depth=1", "--no-tags", str(checkout), base, env=self._env)
        self._env |= {"GIT_WORK_TREE": str(checkout)}
        git(checkout, "read-tree", base, env=self._env)

    def restore(self) -> None:
        """Bring the checkout back to the base; what the repository ignores stays."""
        self._refuse_repositories()
        self._git("checkout-index", "--all", "--force", "--quiet")
        self._git("clean", "-fdq")

    def apply(self, diff: str) -> None:
        """Change the files of the checkout by a diff; `Refused` where it does not apply."""
        try:
            git_bytes(
                self._checkout, "apply", "--whitespace=nowarn", env=self._env, stdin=diff.encode()
            )
        except AgentError as error:
            raise Refused(Refusal.INVALID, f"The agent's patch does not apply: {error}") from error

    def judged(self, bounds: PatchBounds, scan: SecretScan | None = None) -> Judged:
        """Return what changed since the base.

        Raises `Refused` with the first rule that it breaks: nothing changed, a link, a submodule,
        a path or count out of bounds, a binary, too many bytes, no UTF-8, a secret.
        """
        self._refuse_repositories()
        self._git("add", "--all")
        paths = self._paths(bounds)
        if b"-\t-\t" in self._bytes(
            "diff", "--cached", "--numstat", "-z", *_PLAIN_DIFF, self._base
        ):
            raise Refused(Refusal.BINARY, "The patch holds binary data; only text may be changed.")
        diff = self._diff(bounds.max_bytes)
        try:
            text = diff.decode()
        except UnicodeDecodeError as error:
            raise Refused(Refusal.BINARY, "The patch is not UTF-8 text.") from error
        if scan is not None and (found := scan(diff)):
            raise Refused(Refusal.SECRET, refusal(found))
        return Judged(diff=text, tree=self._git("write-tree"), paths=paths)

    def _refuse_repositories(self) -> None:
        """Refuse a repository below the checkout before git sees it: its settings run programs."""
        for found in _repositories(self._checkout):
            told = found.relative_to(self._checkout)
            raise Refused(
                Refusal.SUBMODULE,
                f"{told.parent} became a repository of its own; a patch may not bring one.",
            )

    def _paths(self, bounds: PatchBounds) -> tuple[str, ...]:
        listed = self._bytes("diff-index", "--cached", "--raw", "-z", "--no-renames", self._base)
        fields = listed.decode("utf-8", "surrogateescape").split("\0")[:-1]
        paths = tuple(fields[1::2])
        if not paths:
            raise Refused(Refusal.NO_CHANGE, "The agent changed nothing.")
        if len(paths) > bounds.max_files:
            raise Refused(
                Refusal.OUT_OF_BOUNDS,
                f"The patch touches {len(paths)} files; {bounds.max_files} are allowed at most.",
            )
        for told, path in zip(fields[::2], paths, strict=True):
            _check(path, told.removeprefix(":").split(" ")[:2], bounds)
        return paths

    def _diff(self, max_bytes: int) -> bytes:
        """Read the diff, and no more of it than may leave."""
        argv = _argv("diff", "--cached", *_PLAIN_DIFF, self._base)
        with subprocess.Popen(
            argv, cwd=self._checkout, env=self._env, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            diff = _at_most(process.stdout, max_bytes + 1)
            if len(diff) > max_bytes:
                process.kill()
        if len(diff) > max_bytes:
            raise Refused(
                Refusal.TOO_LARGE, f"The patch has more than the {max_bytes} bytes that may leave."
            )
        if process.returncode != 0:
            raise AgentError(f"git diff failed with status {process.returncode}.")
        return diff

    def _git(self, *args: str) -> str:
        return git(self._checkout, *args, env=self._env)

    def _bytes(self, *args: str) -> bytes:
        return git_bytes(self._checkout, *args, env=self._env)


def bounds_of(budget: Budget) -> PatchBounds:
    """Return the bounds that a task's budget gives its patch."""
    return PatchBounds(
        max_bytes=budget.max_bytes,
        max_files=budget.max_files,
        protected=budget.protected_paths,
    )


def clean_git(folder: Path | None = None) -> dict[str, str]:
    """Return the environment for a git that reads nobody's settings; `folder` is its GIT_DIR."""
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
    }
    return env if folder is None else env | {"GIT_DIR": str(folder)}


def git(place: Path, *args: str, env: Mapping[str, str]) -> str:
    """Run git without hooks; `AgentError` with what it said where it fails."""
    return git_bytes(place, *args, env=env).decode("utf-8", "surrogateescape").strip()


def git_bytes(place: Path, *args: str, env: Mapping[str, str], stdin: bytes | None = None) -> bytes:
    """Do the same, and return what git wrote as it is."""
    done = subprocess.run(
        _argv(*args), cwd=place, env=dict(env), input=stdin, capture_output=True, check=False
    )
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise AgentError(f"git {args[0]} failed: {said[-1000:]}")
    return done.stdout


def _argv(*args: str) -> tuple[str, ...]:
    return (
        *("git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"),
        *("-c", "safe.directory=*", "-c", "core.autocrlf=false", "-c", "gc.auto=0", *args),
    )


def _at_most(stream: IO[bytes], most: int) -> bytes:
    kept = bytearray()
    while len(kept) < most and (chunk := stream.read(min(_CHUNK, most - len(kept)))):
        kept += chunk
    return bytes(kept)


def _check(path: str, modes: list[str], bounds: PatchBounds) -> None:
    try:
        check_path(path, bounds)
        for mode in modes:
            if mode != "000000":
                check_mode(mode, path)
    except PatchOutOfBounds as error:
        raise Refused(_kind(modes), error.reason) from error


def _kind(modes: list[str]) -> Refusal:
    if "120000" in modes:
        return Refusal.LINK
    return Refusal.SUBMODULE if "160000" in modes else Refusal.OUT_OF_BOUNDS


def _repositories(root: Path) -> Iterator[Path]:
    """Find `.git` anywhere below the root but at the root itself, without following links."""
    seen = 0
    for folder, folders, files in os.walk(root):
        seen += len(folders) + len(files)
        if seen > MAX_ENTRIES:
            raise Refused(Refusal.RESOURCES, f"The run left more than {MAX_ENTRIES} files.")
        at_root = Path(folder) == root
        for name in (*folders, *files):
            if name.casefold() == ".git" and not at_root:
                yield Path(folder) / name
        if at_root and ".git" in folders:
            folders.remove(".git")
