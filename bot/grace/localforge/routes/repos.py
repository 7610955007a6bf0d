"""Repositories, branches, protection, collaborators."""

from typing import Final

from grace.localforge.api import NO_CONTENT, Body, Call, Need, Reply, Route
from grace.localforge.core import ROLES, Json
from grace.localforge.db import Row
from grace.localforge.errors import ApiError, invalid, not_found, unprocessable
from grace.localforge.protection import protection_json, protection_of
from grace.localforge.repositories import (
    SETTINGS,
    delete_repository,
    fork_repository,
    rename_repository,
)
from grace.localforge.shapes.people import user_json
from grace.localforge.shapes.repos import (
    api_url,
    commit_json,
    html_url,
    permissions_json,
    repository_json,
)

R: Final = "/repos/{owner}/{repo}"
ALIASES: Final = {"pull": "read", "push": "write"}
SWITCHES: Final = (
    "required_linear_history",
    "allow_force_pushes",
    "allow_deletions",
    "block_creations",
    "required_conversation_resolution",
    "lock_branch",
    "allow_fork_syncing",
)


async def get_repository(call: Call) -> Reply:
    """Return a repository with the permissions of who asks."""
    shape = repository_json(call.core, call.repo, call.actor.user)
    if call.repo["parent_id"] is not None:
        parent = call.core.db.one("SELECT * FROM repositories WHERE id=?", call.repo["parent_id"])
        if parent is not None:
            shape["parent"] = shape["source"] = repository_json(call.core, parent)
    return Reply(shape)


async def edit_repository(call: Call) -> Reply:
    """Change name, description, default branch or merge settings."""
    body, repo = call.body("Repository"), call.repo
    settings = repo["settings_json"] | {name: body.flag(name) for name in SETTINGS if name in body}
    changes: Json = {"settings_json": settings, "updated_at": call.core.now()}
    if "description" in body:
        changes["description"] = body.optional("description")
    if "private" in body:
        changes["private"] = int(body.flag("private"))
    if "default_branch" in body:
        branch = body.text("default_branch")
        if await call.core.git(repo).ref(f"refs/heads/{branch}") is None:
            raise unprocessable(f"The branch {branch} was not found.")
        await call.core.git(repo).run("symbolic-ref", "HEAD", f"refs/heads/{branch}")
        changes["default_branch"] = branch
    repo = call.core.db.update("repositories", repo["id"], **changes)
    if "name" in body and body.text("name") != repo["name"]:
        repo = rename_repository(call.core, repo, body.text("name"), call.user)
    return Reply(repository_json(call.core, repo, call.actor.user))


async def remove_repository(call: Call) -> Reply:
    """Delete a repository."""
    delete_repository(call.core, call.repo, call.user)
    return NO_CONTENT


async def create_fork(call: Call) -> Reply:
    """Fork a repository to the account of who asks."""
    body = call.body("Fork")
    name = body.text("name", call.repo["name"])
    repo = await fork_repository(call.core, call.repo, call.user, name)
    return Reply(repository_json(call.core, repo, call.user), 202)


def _protected(call: Call, branch: str) -> bool:
    return protection_of(call.core, call.repo, branch) is not None


async def list_branches(call: Call) -> Reply:
    """List branches with their tips."""
    refs = await call.core.git(call.repo).refs("refs/heads/")
    url = api_url(call.core, call.repo)
    rows = [(name.removeprefix("refs/heads/"), sha) for name, _, sha in refs]

    def shape(row: tuple[str, str]) -> Json:
        name, sha = row
        return {
            "name": name,
            "commit": {"sha": sha, "url": f"{url}/commits/{sha}"},
            "protected": _protected(call, name),
            "protection_url": f"{url}/branches/{name}/protection",
        }

    return call.page(rows, shape)


async def get_branch(call: Call) -> Reply:
    """Return a branch with its tip."""
    name, git = call.param("branch"), call.core.git(call.repo)
    sha = await git.ref(f"refs/heads/{name}")
    if sha is None:
        raise ApiError(404, "Branch not found")
    url = f"{api_url(call.core, call.repo)}/branches/{name}"
    protected = _protected(call, name)
    return Reply(
        {
            "name": name,
            "commit": commit_json(call.core, call.repo, await git.commit(sha)),
            "_links": {"self": url, "html": f"{html_url(call.core, call.repo)}/tree/{name}"},
            "protected": protected,
            "protection": {"enabled": protected},
            "protection_url": f"{url}/protection",
        }
    )


def _protection_row(call: Call) -> Row:
    row = call.core.db.one(
        "SELECT * FROM protections WHERE repository_id=? AND branch=?",
        call.repo["id"],
        call.param("branch"),
    )
    if row is None:
        raise ApiError(404, "Branch not protected")
    return row


def _protection_reply(call: Call, settings: Json) -> Reply:
    url = f"{api_url(call.core, call.repo)}/branches/{call.param('branch')}/protection"
    return Reply(protection_json(url, settings))


async def get_protection(call: Call) -> Reply:
    """Return a branch's protection."""
    return _protection_reply(call, _protection_row(call)["settings_json"])


async def delete_protection(call: Call) -> Reply:
    """Lift a branch's protection."""
    call.core.db.run("DELETE FROM protections WHERE id=?", _protection_row(call)["id"])
    return NO_CONTENT


async def put_protection(call: Call) -> Reply:
    """Set a branch's protection; GitHub asks for all four main fields."""
    branch = call.param("branch")
    if await call.core.git(call.repo).ref(f"refs/heads/{branch}") is None:
        raise ApiError(404, "Branch not found")
    body = call.body("ProtectedBranch")
    for name in (
        "required_status_checks",
        "enforce_admins",
        "required_pull_request_reviews",
        "restrictions",
    ):
        if name not in body:
            raise invalid("ProtectedBranch", name, "missing_field")
    settings: Json = {
        "required_status_checks": _required_checks(body),
        "required_pull_request_reviews": _required_reviews(body),
        "enforce_admins": body.flag("enforce_admins"),
        **{name: body.flag(name) for name in SWITCHES},
    }
    core, repo = call.core, call.repo
    with core.db.transaction():
        core.db.run(
            "DELETE FROM protections WHERE repository_id=? AND branch=?", repo["id"], branch
        )
        core.db.insert(
            "protections", repository_id=repo["id"], branch=branch, settings_json=settings
        )
    return _protection_reply(call, settings)


def _required_checks(body: Body) -> Json | None:
    if body.data["required_status_checks"] is None:
        return None
    given = Body("ProtectedBranch", body.object("required_status_checks"))
    checks = [
        {"context": Body("Check", check).text("context"), "app_id": _app_id(check)}
        for check in given.objects("checks")
    ]
    named = {check["context"] for check in checks}
    checks += [
        {"context": name, "app_id": None} for name in given.strings("contexts") if name not in named
    ]
    return {"strict": given.flag("strict"), "checks": checks}


def _app_id(check: Json) -> int | None:
    app_id = check.get("app_id")
    if app_id is not None and (isinstance(app_id, bool) or not isinstance(app_id, int)):
        raise invalid("ProtectedBranch", "app_id")
    return None if app_id == -1 else app_id


def _required_reviews(body: Body) -> Json | None:
    if body.data["required_pull_request_reviews"] is None:
        return None
    given = Body("ProtectedBranch", body.object("required_pull_request_reviews"))
    count = given.data.get("required_approving_review_count", 1)
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= 6:  # noqa: PLR2004
        raise invalid("ProtectedBranch", "required_approving_review_count")
    return {
        "dismiss_stale_reviews": given.flag("dismiss_stale_reviews"),
        "require_code_owner_reviews": given.flag("require_code_owner_reviews"),
        "require_last_push_approval": given.flag("require_last_push_approval"),
        "required_approving_review_count": count,
    }


async def list_collaborators(call: Call) -> Reply:
    """List who has a role, the owner first."""
    rows = [(call.core.user(call.repo["owner_id"]), "admin")]
    rows += [
        (call.core.user(row["user_id"]), row["role"])
        for row in call.core.db.all(
            "SELECT * FROM collaborators WHERE repository_id=? ORDER BY rowid", call.repo["id"]
        )
    ]
    return call.page(rows, lambda row: _collaborator(call, *row))


def _collaborator(call: Call, user: Row, role: str) -> Json:
    shape = user_json(call.core, user)
    return {**shape, "role_name": role, "permissions": permissions_json(role)}


async def put_collaborator(call: Call) -> Reply:
    """Give a user a role; at GitHub an invitation, here it holds at once."""
    user = call.core.user_named(call.param("login"))
    if user is None:
        raise not_found()
    asked = call.body("Collaborator").text("permission", "push")
    role = ALIASES.get(asked, asked)
    if role not in ROLES[1:]:
        raise invalid("Collaborator", "permission")
    call.core.db.run(
        "INSERT OR REPLACE INTO collaborators (repository_id, user_id, role) VALUES (?,?,?)",
        call.repo["id"],
        user["id"],
        role,
    )
    return NO_CONTENT


async def delete_collaborator(call: Call) -> Reply:
    """Take a user's role away."""
    user = call.core.user_named(call.param("login"))
    call.core.db.run(
        "DELETE FROM collaborators WHERE repository_id=? AND user_id=?",
        call.repo["id"],
        user["id"] if user else 0,
    )
    return NO_CONTENT


async def get_collaborator(call: Call) -> Reply:
    """Answer 204 when the user is a collaborator."""
    user = call.core.user_named(call.param("login"))
    found = user and call.core.db.one(
        "SELECT 1 FROM collaborators WHERE repository_id=? AND user_id=?",
        call.repo["id"],
        user["id"],
    )
    if user is None or not (found or user["id"] == call.repo["owner_id"]):
        raise not_found()
    return NO_CONTENT


async def get_permission(call: Call) -> Reply:
    """Return a user's permission: the older four words, and the role's own name."""
    user = call.core.user_named(call.param("login"))
    if user is None:
        raise not_found()
    role = call.core.role(call.repo, user)
    older = {"maintain": "write", "triage": "read"}.get(role, role)
    return Reply({"permission": older, "role_name": role, "user": _collaborator(call, user, role)})


_ADMIN: Final = Need("administration:write", "admin")
_BRANCH: Final = f"{R}/branches/{{branch:.+}}"

ROUTES: Final = (
    Route("GET", R, get_repository),
    Route("PATCH", R, edit_repository, _ADMIN),
    Route("DELETE", R, remove_repository, _ADMIN),
    Route("POST", f"{R}/forks", create_fork),
    Route("GET", f"{R}/branches", list_branches, Need("contents:read")),
    Route("GET", f"{_BRANCH}/protection", get_protection, Need("administration:read", "write")),
    Route("PUT", f"{_BRANCH}/protection", put_protection, _ADMIN),
    Route("DELETE", f"{_BRANCH}/protection", delete_protection, _ADMIN),
    Route("GET", _BRANCH, get_branch, Need("contents:read")),
    Route("GET", f"{R}/collaborators", list_collaborators, Need(role="write")),
    Route("GET", f"{R}/collaborators/{{login}}/permission", get_permission),
    Route("GET", f"{R}/collaborators/{{login}}", get_collaborator, Need(role="write")),
    Route("PUT", f"{R}/collaborators/{{login}}", put_collaborator, _ADMIN),
    Route("DELETE", f"{R}/collaborators/{{login}}", delete_collaborator, _ADMIN),
)
