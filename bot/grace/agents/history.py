"""The history of a checkout, read from a git folder of our own over the checkout's objects."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from grace.agents.judge import AgentError, Refused, clean_git, git, git_bytes
from grace.domain.proposals import Refusal


@dataclass(frozen=True, slots=True)
class History:
    """Commits that lead to a base, and the files of each."""

    folder: Path
    base: str

    @classmethod
    def of(cls, folder: Path, checkout: Path, base: str) -> "History":
        """Make the folder; it borrows the objects of the checkout, which no command may write.

        Raises `Refused` where the checkout has no history.
        """
        env = clean_git()
        common = git(checkout, "rev-parse", "--path-format=absolute", "--git-common-dir", env=env)
        if (Path(common) / "shallow").exists():
            raise Refused(
                Refusal.NO_PATCH,
                "The checkout has no history to look through: check out with `fetch-depth: 0`.",
            )
        git(checkout, "init", "-q", "--bare", str(folder), env=env)
        (folder / "objects" / "info" / "alternates").write_text(f"{common}/objects\n")
        return cls(folder, base)

    def first_parents(self, most: int) -> list[str]:
        """List the commits up to the base, newest first, by first parents."""
        return self._git("rev-list", "--first-parent", f"--max-count={most}", self.base).split()

    def landed_by(self, commit: str) -> str | None:
        """Return the first-parent commit that brought another to the base; None if none did."""
        between = f"{commit}..{self.base}"
        reached = self._git("rev-list", "--first-parent", "--ancestry-path", between)
        chain = self._git("rev-list", "--first-parent", self.base).split()
        if commit in chain:
            return commit
        return reached.split()[-1] if reached else None

    def knows(self, commit: str) -> bool:
        try:
            self._git("cat-file", "-e", f"{commit}^{{commit}}")
        except AgentError:
            return False
        return True

    def parents(self, commit: str) -> list[str]:
        return self._git("rev-list", "--parents", "--max-count=1", commit).split()[1:]

    def subject(self, commit: str) -> str:
        return self._git("show", "--no-patch", "--format=%s", commit)

    def is_revert(self, commit: str) -> bool:
        """Tell whether a commit says that it takes another back."""
        body = self._git("show", "--no-patch", "--format=%B", commit)
        return body.startswith("Revert ") or "\nThis reverts commit " in f"\n{body}"

    def paths(self, commit: str) -> list[str]:
        """List the files that a commit changes against its first parent."""
        told = self._git("diff-tree", "-r", "-z", "--name-only", f"{commit}^1", commit)
        return [path for path in told.split("\0") if path]

    def is_file(self, path: str) -> bool:
        """Tell whether the base has a plain file of this path."""
        return self._git("ls-tree", self.base, "--", path).startswith("100")

    def write(self, tree: str, folder: Path, keep: tuple[str, ...] = ()) -> None:
        """Write the files of a commit or tree to a folder, but `keep` as the base has them."""
        folder.mkdir(parents=True)
        env = clean_git(self.folder) | {"GIT_WORK_TREE": str(folder)}
        env |= {"GIT_INDEX_FILE": str(folder.with_suffix(".index"))}
        git(folder, "read-tree", tree, env=env)
        for path in keep:
            listed = git(folder, "ls-tree", self.base, "--", path, env=env)
            mode, _, blob, _ = listed.replace("\t", " ").split(" ", 3)
            git(folder, "update-index", "--add", "--cacheinfo", f"{mode},{blob},{path}", env=env)
        git(folder, "checkout-index", "--all", "--force", env=env)

    def reverted(self, commit: str) -> str | None:
        """Return the tree of the base without a commit's change; None where they conflict.

        The three-way merge takes the commit for the common ancestor of the base and of the tree
        before it.
        """
        env = self._identity()
        before = f"{commit}^1^{{tree}}"
        other = git(self.folder, "commit-tree", before, "-p", commit, "-m", "x", env=env)
        argv = ("git", "merge-tree", "--write-tree", self.base, other)
        done = subprocess.run(argv, cwd=self.folder, env=env, capture_output=True, check=False)
        match done.returncode:
            case 0:
                return done.stdout.decode().strip()
            case 1:
                return None
            case status:
                said = done.stderr.decode(errors="replace").strip()
                raise AgentError(f"git merge-tree failed with status {status}: {said}")

    def diff(self, tree: str) -> str:
        """Return the change from the base to a tree as a unified diff."""
        plain = ("--no-renames", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv")
        told = git_bytes(self.folder, "diff", *plain, self.base, tree, env=clean_git(self.folder))
        try:
            return told.decode()
        except UnicodeDecodeError as error:
            raise Refused(Refusal.BINARY, "Taking the change back touches binary files.") from error

    def _git(self, *args: str) -> str:
        return git(self.folder, *args, env=clean_git(self.folder))

    def _identity(self) -> dict[str, str]:
        """Return an environment that makes the same commit of the same tree."""
        who = {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in (
                ("NAME", "grace"),
                ("EMAIL", "grace@localhost"),
                ("DATE", "2000-01-01T00:00:00Z"),
            )
        }
        return clean_git(self.folder) | who
