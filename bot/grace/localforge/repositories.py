"""Making, forking and deleting repositories."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from grace.localforge.core import ACTIONS_SLUG, Core
from grace.localforge.db import Row
from grace.localforge.errors import invalid
from grace.localforge.events import Event, emit
from grace.localforge.gitrepo import GitRepository
from grace.localforge.shapes.people import identity

NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
SETTINGS: Final = {
    "allow_merge_commit": True,
    "allow_squash_merge": True,
    "allow_rebase_merge": True,
    "allow_auto_merge": False,
    "allow_update_branch": False,
    "delete_branch_on_merge": False,
}
DEFAULT_LABELS: Final = (
    ("bug", "d73a4a", "Something isn't working"),
    ("documentation", "0075ca", "Improvements or additions to documentation"),
    ("duplicate", "cfd3d7", "This issue or pull request already exists"),
    ("enhancement", "a2eeef", "New feature or request"),
    ("good first issue", "7057ff", "Good for newcomers"),
    ("help wanted", "008672", "Extra attention is needed"),
    ("invalid", "e4e669", "This doesn't seem right"),
    ("question", "d876e3", "Further information is requested"),
    ("wontfix", "ffffff", "This will not be worked on"),
)


async def create_repository(core: Core, owner: Row, name: str, files: Mapping[str, bytes]) -> Row:
    """Create a repository; its files, when there are any, become the first commit on main."""
    repo = await _new(core, owner, name, None)
    git = core.git(repo)
    await git.create("main")
    if files:
        await first_commit(
            core, git, owner, {path: ("100644", data) for path, data in files.items()}
        )
    return repo


async def create_from_template(core: Core, owner: Row, name: str, template: Path | None) -> Row:
    """Create a repository; its first commit is the content of a folder, `.git` left out."""
    repo = await _new(core, owner, name, None)
    git = core.git(repo)
    await git.create("main")
    files = {} if template is None else _folder(template)
    if files:
        await first_commit(core, git, owner, files)
    return repo


def _folder(template: Path) -> dict[str, tuple[str, bytes]]:
    """Return (mode, content) of every file below a folder by its path there."""
    files = {}
    for path in sorted(template.rglob("*")):
        relative = path.relative_to(template)
        if path.is_file() and not {".git", "__pycache__"} & set(relative.parts):
            mode = "100755" if path.stat().st_mode & 0o100 else "100644"
            files[relative.as_posix()] = (mode, path.read_bytes())
    return files


async def first_commit(
    core: Core, git: GitRepository, owner: Row, files: Mapping[str, tuple[str, bytes]]
) -> None:
    """Write files as the root commit of main; each has (mode, content)."""
    changes = [
        (mode, path, await git.write_blob(data)) for path, (mode, data) in sorted(files.items())
    ]
    tree = await git.write_tree(None, changes)
    who = identity(core, owner)
    sha = await git.write_commit(tree, [], "Initial commit\n", (who, who))
    await git.run("update-ref", "refs/heads/main", sha)


async def fork_repository(core: Core, source: Row, owner: Row, name: str) -> Row:
    """Create a fork with all branches of its source."""
    repo = await _new(core, owner, name, source)
    git = core.git(repo)
    await git.create(source["default_branch"])
    origin = str(core.bare(source))
    await git.run("fetch", "-q", origin, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
    emit(core, Event("fork", owner, source))
    return repo


async def _new(core: Core, owner: Row, name: str, source: Row | None) -> Row:
    if not NAME.fullmatch(name) or name in {".", ".."} or name.endswith(".git"):
        raise invalid("Repository", "name")
    if core.db.one("SELECT 1 FROM repositories WHERE owner_id=? AND name=?", owner["id"], name):
        message = "name already exists on this account"
        raise invalid("Repository", "name", "custom", message)
    now = core.now()
    with core.db.transaction():
        number = core.db.insert(
            "repositories",
            owner_id=owner["id"],
            owner=owner["login"],
            name=name,
            parent_id=source["id"] if source else None,
            default_branch=source["default_branch"] if source else "main",
            settings_json=SETTINGS,
            created_at=now,
            updated_at=now,
            pushed_at=now,
        )
        for label, color, description in DEFAULT_LABELS:
            core.db.insert(
                "labels", repository_id=number, name=label, color=color, description=description
            )
        _cover_by_actions(core, owner, number)
    return core.db.get("repositories", number)


def _cover_by_actions(core: Core, owner: Row, repository_id: int) -> None:
    """Install the forge's own workflow App on a new repository."""
    app = core.db.one("SELECT * FROM apps WHERE slug=?", ACTIONS_SLUG)
    if app is None:
        return
    installation = core.db.scalar(
        "SELECT id FROM installations WHERE app_id=? AND account_id=?", app["id"], owner["id"]
    )
    if installation is None:
        installation = core.db.insert(
            "installations",
            app_id=app["id"],
            account_id=owner["id"],
            created_at=core.now(),
            updated_at=core.now(),
        )
    core.db.insert(
        "installation_repositories", installation_id=installation, repository_id=repository_id
    )


def delete_repository(core: Core, repo: Row, sender: Row) -> None:
    """Tell of the end of a repository, then remove its rows and its git data."""
    emit(core, Event("repository", sender, repo, "deleted"))
    with core.db.transaction():
        for table in ("installation_repositories", "collaborators", "protections", "labels"):
            core.db.run(f"DELETE FROM {table} WHERE repository_id=?", repo["id"])  # noqa: S608 - our tables
        for table in ("pulls", "issues", "comments", "suites", "check_runs", "statuses"):
            core.db.run(f"DELETE FROM {table} WHERE repository_id=?", repo["id"])  # noqa: S608 - our tables
        core.db.run("UPDATE hooks SET active=0 WHERE repository_id=?", repo["id"])
        core.db.run("DELETE FROM repositories WHERE id=?", repo["id"])
    shutil.rmtree(core.bare(repo), ignore_errors=True)


def rename_repository(core: Core, repo: Row, name: str, sender: Row) -> Row:
    """Give a repository another name and move its git data."""
    if not NAME.fullmatch(name) or name in {".", ".."}:
        raise invalid("Repository", "name")
    if core.db.one(
        "SELECT 1 FROM repositories WHERE owner_id=? AND name=?", repo["owner_id"], name
    ):
        raise invalid("Repository", "name", "custom", "name already exists on this account")
    before = core.bare(repo)
    after = core.db.update("repositories", repo["id"], name=name, updated_at=core.now())
    before.rename(core.bare(after))
    core.db.run("DELETE FROM former_names WHERE owner_id=? AND name=?", repo["owner_id"], name)
    core.db.run(
        "INSERT OR REPLACE INTO former_names VALUES (?, ?, ?)",
        repo["owner_id"],
        repo["name"],
        repo["id"],
    )
    changes = {"changes": {"repository": {"name": {"from": repo["name"]}}}}
    emit(core, Event("repository", sender, after, "renamed", changes))
    return after
